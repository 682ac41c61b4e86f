import { Secret } from '../../lib/secret.ts';

const MASK = '[redacted]';
const SENSITIVE = /auth|cookie|credential|key|password|secret|token/i;

/** True for a header whose value nobody but the upstream should see. */
function isSensitiveHeader(name: string): boolean {
  return SENSITIVE.test(name);
}

/** A copy of a configuration section that may be shown: secrets and the values of sensitive headers are masked. */
export function displaySection(section: unknown): unknown {
  return copy(section, false);
}

/** `isHeaders`: the keys at hand are names of headers. */
function copy(value: unknown, isHeaders: boolean): unknown {
  if (value instanceof Secret) return MASK;
  if (Array.isArray(value)) return value.map((item) => copy(item, false));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    if (isHeaders && typeof item === 'string') return [key, isSensitiveHeader(key) ? MASK : item];
    return [key, copy(item, key === 'set' || key === 'add' || key === 'headers')];
  });
  return Object.fromEntries(entries);
}
