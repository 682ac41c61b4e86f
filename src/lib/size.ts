const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};

/** The written form of a size, as one anchored regular expression source. */
export const SIZE_PATTERN = '^\\d+(\\.\\d+)?\\s?(B|KB|MB|GB|KiB|MiB|GiB)?$';

/**
 * Bytes of `64KiB`, `1MiB`, `10MB` (decimal); a bare number, written as text or not, means bytes. The result is a
 * non-negative whole number; `undefined` when the value is no size.
 */
export function parseSize(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  const found = /^(\d+(?:\.\d+)?)\s?(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text.trim());
  if (!found) return undefined;
  const bytes = Math.round(Number(found[1]) * (UNIT_BYTES[found[2] ?? 'B'] as number));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest written form, in binary units, that `parseSize` reads back as the same number of bytes. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const length = UNIT_BYTES[unit] as number;
    if (bytes !== 0 && bytes % length === 0) return `${bytes / length}${unit}`;
  }
  return `${bytes}B`;
}
