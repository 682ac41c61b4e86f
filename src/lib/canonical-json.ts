/**
 * JSON with the keys of every object in the order of their UTF-16 code units and without white space (RFC 8785 3.2, but
 * for numbers, which JavaScript writes as the RFC asks): equal values give equal texts. `undefined` fields are left out.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => sortKeys(part));
}

/** A copy of an object with its keys sorted; everything else as it is. */
export function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
