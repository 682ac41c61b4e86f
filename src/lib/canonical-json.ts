/**
 * The canonical form of what JSON keeps of a value (RFC 8785): no white space, and the keys of every object in the order
 * of their UTF-16 code units. Equal values give equal texts.
 */
export function canonicalJson(value: object): string {
  return write(JSON.parse(JSON.stringify(value)));
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  // JavaScript writes texts and numbers as the RFC asks.
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // Sorting the object itself would not do: JavaScript puts keys that look like indices first.
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, part]) => `${JSON.stringify(key)}:${write(part)}`).join(',')}}`;
}
