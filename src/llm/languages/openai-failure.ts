import type { Failure } from '../conversation/failure.ts';
import type { WrittenFailure } from './language.ts';

/** The Messages API's own status for "overloaded", which no client of OpenAI's APIs expects. */
const OVERLOADED = 529;

/** An error as OpenAI's APIs report it (https://platform.openai.com/docs/guides/error-codes). */
export function writeOpenaiFailure(status: number, { message, code, param }: Failure): WrittenFailure {
  const error = { message, type: typeFor(status), param: param || null, code: codeFor(status) ?? (code || null) };
  return { status: status === OVERLOADED ? 503 : status, body: { error } };
}

function typeFor(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function codeFor(status: number): string | undefined {
  if (status === 404) return 'model_not_found';
  if (status === 429) return 'rate_limit_exceeded';
  return status === OVERLOADED ? 'overloaded' : undefined;
}
