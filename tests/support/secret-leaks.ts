// Whatever a gateway of any test prints is searched for secrets when it ends: one that is found fails the test.
import type { LoadedConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/lib/secret.ts';

/** What this gateway and no other issues: whole keys, access tokens with their signature, refresh tokens. */
const ISSUED = [
  /\bsk_(?:live|test|dev)_[0-9A-Za-z]{46}\b/g,
  /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g,
  /\brt_[\w-]{43}\b/g,
];

const SECRET_NAME = /KEY|SECRET|PASSWORD|TOKEN/;
/** A shorter value would also be found by coincidence. */
const SHORTEST = 8;

/** The secrets of an environment, by the names of their variables. */
export function secretsOfEnvironment(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value && SECRET_NAME.test(name) ? [value] : []));
}

/** Every secret in a configuration. */
export function secretsOfConfig({ config }: LoadedConfig): string[] {
  return secretsIn(config);
}

function secretsIn(value: unknown): string[] {
  if (value instanceof Secret) return [value.reveal()];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(secretsIn) : [];
}

/** Throws if the text contains a secret; the message shows the line and the position, not the secret. */
export function expectNoLeak(where: string, lines: readonly string[], known: readonly string[]): void {
  const secrets = known.filter((secret) => secret.length >= SHORTEST);
  for (const line of lines) {
    const found =
      secrets.find((secret) => line.includes(secret)) ?? ISSUED.flatMap((form) => line.match(form) ?? [])[0];
    if (found !== undefined) throw new Error(`${where} gave a secret away: ${line.replaceAll(found, '<SECRET>')}`);
  }
}
