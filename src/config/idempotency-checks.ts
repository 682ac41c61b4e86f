import type { Path } from './config-error.ts';
import type { RouteConfig } from './gateway-config.ts';
import type { Mistake } from './validate.ts';

/** Routes that would keep answers of callers they do not know, and could hand them to others. */
export function findUnownedAnswers(sources: ReadonlyMap<RouteConfig, Path>): Mistake[] {
  const message = 'needs auth, because a kept answer belongs to a consumer: write idempotency: false here';
  return [...sources]
    .filter(([{ policies }]) => policies.idempotency !== undefined && policies.auth === false)
    .map(([, source]) => ({ path: [...source, 'idempotency'], message }));
}
