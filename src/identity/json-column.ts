/** JSON is kept as text, because SQLite has no type for it. `null` is a column that holds nothing. */

export function parseJson<T>(text: string | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T);
}

export function formatJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
