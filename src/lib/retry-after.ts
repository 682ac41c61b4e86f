/**
 * Milliseconds an answer asks to be left alone: `Retry-After` in seconds or as an HTTP date (RFC 9110 10.2.3), seen from
 * `now` (epoch milliseconds). `undefined` when absent or unreadable; never negative.
 */
export function retryAfterMs(headers: readonly string[], now: number): number | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if ((headers[i] as string).toLowerCase() === 'retry-after') return parse((headers[i + 1] as string).trim(), now);
  }
  return undefined;
}

function parse(value: string, now: number): number | undefined {
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse is lenient: without this, "soon 5" would read as a day in May.
  if (!/ GMT$/.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
