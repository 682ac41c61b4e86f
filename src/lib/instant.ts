const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Epoch milliseconds of a date (its first moment in UTC) or of a date with time and offset, as RFC 3339 writes them;
 * `undefined` for anything else, days that do not exist included.
 */
export function parseInstant(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const date = INSTANT.exec(value)?.[1];
  if (date === undefined) return undefined;
  // Date.parse turns 30 February into 2 March.
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date) return undefined;
  const instant = Date.parse(value.replace(' ', 'T'));
  return Number.isNaN(instant) ? undefined : instant;
}
