import type { ErrorContext } from './dialect.ts';
import type { Rejection } from './rejection.ts';

/** RFC 9457. `type` is a URN, since a gateway has no public address of its own to explain its errors under. */
export function problemBody(rejection: Rejection, context: ErrorContext): object {
  return {
    type: `urn:turnpike:error:${rejection.code}`,
    title: rejection.title,
    status: rejection.status,
    detail: rejection.detail,
    instance: context.path,
    code: rejection.code,
    request_id: context.requestId,
  };
}

/** https://platform.openai.com/docs/guides/error-codes; every field is present, `param` is null when there is none. */
export function openaiBody(rejection: Rejection, context: ErrorContext): object {
  return {
    error: {
      message: rejection.detail,
      type: openaiType(rejection),
      param: rejection.facts?.param ?? null,
      code: rejection.code,
    },
    request_id: context.requestId,
  };
}

/** https://docs.claude.com/en/api/errors */
export function anthropicBody(rejection: Rejection, context: ErrorContext): object {
  return {
    type: 'error',
    error: { type: anthropicType(rejection), message: rejection.detail },
    request_id: context.requestId,
  };
}

/** Flat, with the numbers of a limit beside the text. Fields without a value are left out. */
export function simpleBody(rejection: Rejection): object {
  const { facts } = rejection;
  return {
    error: rejection.title,
    detail: simpleDetail(rejection),
    code: rejection.code,
    retry_after: facts?.retryAfterSeconds,
    limit: facts?.limit,
    limit_type: facts?.limitType,
  };
}

/** `details` is always an object, so that a client may read through it. Times are UTC to the second. */
export function envelopeBody(rejection: Rejection, context: ErrorContext): object {
  const { facts } = rejection;
  return {
    request_id: context.requestId,
    status: 'error',
    error_code: rejection.code,
    message: envelopeMessage(rejection),
    details: {
      current_count: facts?.currentCount,
      limit: facts?.limit,
      reset_at: facts?.resetAtMs === undefined ? undefined : toUtcSecond(facts.resetAtMs),
    },
  };
}

function simpleDetail(rejection: Rejection): string {
  const { limit, limitType, retryAfterSeconds } = rejection.facts ?? {};
  if (rejection.code !== 'RATE_LIMIT_EXCEEDED' || limit === undefined || limitType === undefined)
    return rejection.detail;
  const sentence = `Rate limit exceeded: ${limit} requests per ${limitType}.`;
  return retryAfterSeconds === undefined ? sentence : `${sentence} Retry after ${retryAfterSeconds} seconds.`;
}

function envelopeMessage(rejection: Rejection): string {
  const { limit, limitType } = rejection.facts ?? {};
  if (rejection.code !== 'RATE_LIMIT_EXCEEDED' || limit === undefined || limitType === undefined)
    return rejection.detail;
  return `User has exceeded rate limit (${limit} requests/${limitType})`;
}

function toUtcSecond(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

function openaiType({ code, status }: Rejection): string {
  if (code === 'BUDGET_EXCEEDED') return 'insufficient_quota';
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function anthropicType({ status }: Rejection): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  if (status === 413) return 'request_too_large';
  if (status === 429) return 'rate_limit_error';
  if (status === 503) return 'overloaded_error';
  if (status === 504) return 'timeout_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}
