import { HOP_BY_HOP } from '../../edge/header-families.ts';

/** Lines that speak of one response only, or of the caller's standing at the time. */
const OF_ONE_RESPONSE: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'date',
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-gateway-attempts',
  'x-gateway-degraded',
  // Answered for the origin that asks, each time anew.
  'access-control-allow-origin',
  'access-control-allow-credentials',
]);

/** The lines of a finished response head (name, value, …) that belong to every replay of it. */
export function keptHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!isOfOneResponse(name.toLowerCase())) kept.push(name, headers[i + 1] as string);
  }
  return kept;
}

/** Puts the kept lines into a head that is about to be written, in place of what it says under their names. */
export function restoreHeaders(headers: string[], kept: readonly string[]): void {
  const names = new Set(kept.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (names.has((headers[i] as string).toLowerCase())) headers.splice(i, 2);
  }
  headers.push(...kept);
}

function isOfOneResponse(name: string): boolean {
  return OF_ONE_RESPONSE.has(name) || name.startsWith('x-ratelimit-') || name.startsWith('ratelimit');
}
