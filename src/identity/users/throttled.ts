import { GatewayError, Rejection } from '../../errors/rejection.ts';

/** Throws RATE_LIMIT_EXCEEDED unless the wait is over. `what` says in a few words what there was too much of. */
export function refuseWhile(waitMs: number, what: string): void {
  if (waitMs <= 0) return;
  const retryAfterSeconds = Math.ceil(waitMs / 1000);
  const detail = `Too many ${what}. Retry after ${retryAfterSeconds} seconds.`;
  throw new GatewayError(new Rejection('RATE_LIMIT_EXCEEDED', detail, { facts: { retryAfterSeconds } }));
}
