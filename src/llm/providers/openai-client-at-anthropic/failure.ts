import { objectAt, parseObject, textAt, toBytes } from '../json.ts';
import type { TranslatedFailure } from '../provider.ts';

/** The Messages API's own status for "overloaded", which no client of chat completions expects. */
const OVERLOADED = 529;

/** An error of the Messages API as one of chat completions (https://platform.openai.com/docs/guides/error-codes). */
export function failureToOpenai(status: number, body: Buffer): TranslatedFailure {
  const error = objectAt(parseObject(body.toString()) ?? {}, 'error');
  const message = textAt(error, 'message') || `The upstream answered with status ${status}.`;
  return {
    status: status === OVERLOADED ? 503 : status,
    body: toBytes({ error: { message, type: typeFor(status), param: null, code: codeFor(status) } }),
  };
}

function typeFor(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function codeFor(status: number): string | null {
  if (status === 404) return 'model_not_found';
  if (status === 429) return 'rate_limit_exceeded';
  return status === OVERLOADED ? 'overloaded' : null;
}
