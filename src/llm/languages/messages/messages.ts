import type { Failure } from '../../conversation/failure.ts';
import type { Language, WrittenFailure } from '../language.ts';
import { readAnswer } from './read-answer.ts';
import { MessagesReader } from './read-events.ts';
import { readRequest } from './read-request.ts';
import { writeAnswer } from './write-answer.ts';
import { MessagesWriter } from './write-events.ts';
import { writeRequest } from './write-request.ts';

/** Anthropic's Messages API, version 2023-06-01. */
export const messages: Language = {
  path: '/messages',
  readRequest,
  writeRequest,
  readAnswer,
  writeAnswer,
  readEvents: (sink) => new MessagesReader(sink),
  writeEvents: (call, push) => new MessagesWriter(call, push),
  writeFailure,
};

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

function writeFailure(status: number, { message }: Failure): WrittenFailure {
  const type = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { status, body: { type: 'error', error: { type, message } } };
}
