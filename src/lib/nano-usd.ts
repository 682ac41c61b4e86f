const NANO_PER_USD = 1_000_000_000n;

/** Billionths of a dollar as dollars, exactly: `1.5`, `0.00000015`, `20`. Not for negative amounts. */
export function formatNanoUsd(nanoUsd: bigint): string {
  const fraction = String(nanoUsd % NANO_PER_USD)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const whole = String(nanoUsd / NANO_PER_USD);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
