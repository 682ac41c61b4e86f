import { isObject, objectAt, parseObject, textAt, toBytes } from '../json.ts';
import type { TranslatedFailure } from '../provider.ts';

/** https://docs.claude.com/en/api/errors */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** An error of an API in the manner of OpenAI as one of the Messages API. */
export function failureToAnthropic(status: number, body: Buffer): TranslatedFailure {
  const answer = parseObject(body.toString()) ?? {};
  // Some servers tell it without the object around it.
  const error = isObject(answer['error']) ? objectAt(answer, 'error') : answer;
  const message = textAt(error, 'message') || `The upstream answered with status ${status}.`;
  const type = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { status, body: toBytes({ type: 'error', error: { type, message } }) };
}
