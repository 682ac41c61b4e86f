const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The written form of a duration, as one anchored regular expression source. */
export const DURATION_PATTERN = '^\\d+(\\.\\d+)?(ms|s|m|h|d)?$';

/**
 * Milliseconds of `250ms`, `30s`, `5m`, `1h`, `30d`; a bare number, written as text or not, means seconds. The result
 * is a non-negative whole number; `undefined` when the value is no duration.
 */
export function parseDuration(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  if (!found) return undefined;
  const ms = Math.round(Number(found[1]) * (UNIT_MS[found[2] ?? 's'] as number));
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The shortest written form that `parseDuration` reads back as the same number of milliseconds. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const length = UNIT_MS[unit] as number;
    if (ms !== 0 && ms % length === 0) return `${ms / length}${unit}`;
  }
  return `${ms}ms`;
}
