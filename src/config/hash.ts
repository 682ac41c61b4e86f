import { createHash } from 'node:crypto';
import { Secret } from '../lib/secret.ts';

/**
 * SHA-256 in hexadecimal of a configuration section, equal for sections that read the same whatever the order of their
 * keys. Secrets count by their own digest: keep the result inside the process.
 */
export function hashSection(section: unknown): string {
  return digest(section, (secret) => sha256(secret.reveal()));
}

/** The same with secrets left out, so that it may be shown: a change of a secret alone does not change it. */
export function hashForDisplay(section: unknown): string {
  return digest(section, String);
}

function digest(section: unknown, show: (secret: Secret) => string): string {
  const text = JSON.stringify(section, function canonical(this: Record<string, unknown>, key, value: unknown) {
    // `value` has already been through toJSON, which hides the secret; the holder still has it.
    const original = this[key];
    if (original instanceof Secret) return show(original);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return sha256(text ?? '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
