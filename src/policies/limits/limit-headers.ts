import type { Dialect } from '../../errors/dialect.ts';
import type { LimitStatus } from '../../exchange/receipts.ts';

/** The tightest limits of requests and of tokens that applied. */
interface LimitStatuses {
  readonly limit: LimitStatus | undefined;
  readonly tokenLimit: LimitStatus | undefined;
}

/** `auto` stands for the family of the route's dialect. */
type LimitHeaderFamily = 'auto' | 'x-ratelimit' | 'ratelimit' | 'openai';

/**
 * Pushes name/value pairs that tell a client where its tightest limit stands: of requests, and in `openai` of tokens too;
 * the other families tell of tokens where no requests are counted. Money is told in `/v1/usage` only. Resets are the time until the limit has
 * fully recovered: whole seconds, rounded up, in `x-ratelimit` and `ratelimit`; a duration such as `6m0s` in `openai`.
 */
export function writeLimitHeaders(
  headers: string[],
  { limit, tokenLimit }: LimitStatuses,
  dialect: Dialect,
  families: readonly LimitHeaderFamily[],
): void {
  const tightest = limit ?? tokenLimit;
  if (!tightest) return;
  const own: LimitHeaderFamily = dialect === 'openai' || dialect === 'anthropic' ? 'openai' : 'x-ratelimit';
  const written = new Set(families.map((family) => (family === 'auto' ? own : family)));
  for (const family of written) {
    if (family === 'openai') {
      if (limit) writeOpenai(headers, limit, 'requests');
      if (tokenLimit) writeOpenai(headers, tokenLimit, 'tokens');
    } else if (family === 'ratelimit') writeRateLimit(headers, tightest, limit ? '' : ';qu="tokens"');
    else writeXRateLimit(headers, tightest);
  }
}

function writeXRateLimit(headers: string[], status: LimitStatus): void {
  headers.push('X-RateLimit-Limit', String(status.limit), 'X-RateLimit-Remaining', String(status.remaining));
  headers.push('X-RateLimit-Reset', String(toSeconds(status.resetMs)));
}

/** https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers */
function writeOpenai(headers: string[], status: LimitStatus, unit: 'requests' | 'tokens'): void {
  headers.push(`x-ratelimit-limit-${unit}`, String(status.limit));
  headers.push(`x-ratelimit-remaining-${unit}`, String(status.remaining));
  headers.push(`x-ratelimit-reset-${unit}`, toOpenaiDuration(status.resetMs));
}

/** draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4: a structured-field list of one item named after the limit. */
function writeRateLimit(headers: string[], status: LimitStatus, unit: string): void {
  const name = `"${status.name}"`;
  headers.push('RateLimit-Policy', `${name};q=${status.limit}${unit};w=${toSeconds(status.windowMs)}`);
  headers.push('RateLimit', `${name};r=${status.remaining};t=${toSeconds(status.resetMs)}`);
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** Go's notation, as the original writes it: `250ms`, `12s`, `6m0s`, `1h0m5s`. */
function toOpenaiDuration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = toSeconds(ms);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}s`;
  const tail = `${minutes % 60}m${seconds % 60}s`;
  return minutes < 60 ? tail : `${Math.floor(minutes / 60)}h${tail}`;
}
