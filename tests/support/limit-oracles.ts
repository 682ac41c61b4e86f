// Reference versions of the limit algorithms: written to be obviously right, not for speed or memory.

export interface OracleRule {
  limit: number;
  windowUs: number;
  burst?: number;
}

export type Oracle = (now: number) => boolean;

/** Keeps every admitted request and counts those of the true window (now - window, now]. */
export function createExactLog({ limit, windowUs }: OracleRule): Oracle {
  const log: number[] = [];
  return (now) => {
    while (log.length > 0 && (log[0] as number) <= now - windowUs) log.shift();
    if (log.length >= limit) return false;
    log.push(now);
    return true;
  };
}

/** A token bucket in unlimited whole numbers: one token is `windowUs` units, a microsecond brings `limit` units. */
export function createExactBucket({ limit, windowUs, burst = limit }: OracleRule): Oracle {
  const token = BigInt(windowUs);
  const full = BigInt(burst) * token;
  let units = full;
  let at: number | undefined;
  return (now) => {
    if (at !== undefined && now > at) units += BigInt(now - at) * BigInt(limit);
    if (units > full) units = full;
    at = Math.max(at ?? now, now);
    if (units < token) return false;
    units -= token;
    return true;
  };
}

/** One counter that restarts at every whole multiple of the window. */
export function createExactFixed({ limit, windowUs }: OracleRule): Oracle {
  const counts = new Map<number, number>();
  return (now) => {
    const index = Math.floor(now / windowUs);
    const count = counts.get(index) ?? 0;
    if (count >= limit) return false;
    counts.set(index, count + 1);
    return true;
  };
}

/** The most of the sorted times that any span (t - window, t] holds. */
export function findFullestWindow(times: readonly number[], windowUs: number): number {
  let oldest = 0;
  let most = 0;
  for (let newest = 0; newest < times.length; newest++) {
    while ((times[oldest] as number) <= (times[newest] as number) - windowUs) oldest++;
    most = Math.max(most, newest - oldest + 1);
  }
  return most;
}
