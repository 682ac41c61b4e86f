import { describe, expect, test } from '@jest/globals';
import type { GatewayError } from '../../errors/rejection.ts';
import { buildCallOf } from '../../../tests/support/model-call-builder.ts';
import { chat } from './chat/chat.ts';
import { LanguageTranslation } from './language-translation.ts';
import { messages } from './messages/messages.ts';

const translation = new LanguageTranslation(buildCallOf('messages', {}), messages, chat);

const call = (written: string) => ({ id: 't1', type: 'function', function: { name: 'add', arguments: written } });

function completion(message: object, reason = 'stop'): object {
  return {
    id: 'chatcmpl-1',
    model: 'gpt-x',
    choices: [{ index: 0, message, finish_reason: reason }],
    usage: { prompt_tokens: 125, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 100 } },
  };
}

function translate(body: object): Record<string, unknown> {
  return JSON.parse(translation.whole(Buffer.from(JSON.stringify(body))).toString());
}

test('a completion becomes a message with its text, calls and usage', () => {
  expect(translate(completion({ content: 'let me add', tool_calls: [call('{"a":1}')] }, 'tool_calls'))).toEqual({
    id: 'chatcmpl-1',
    type: 'message',
    role: 'assistant',
    model: 'gpt-x',
    content: [
      { type: 'text', text: 'let me add' },
      { type: 'tool_use', id: 't1', name: 'add', input: { a: 1 } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 25, cache_creation_input_tokens: 0, cache_read_input_tokens: 100, output_tokens: 7 },
  });
});

test.each([
  ['stop', 'end_turn'],
  ['length', 'max_tokens'],
  ['content_filter', 'refusal'],
  ['function_call', 'tool_use'],
])('finish_reason %s is stop_reason %s', (reason, expected) => {
  expect(translate(completion({ content: null, refusal: null }, reason))).toMatchObject({
    content: [],
    stop_reason: expected,
  });
});

test('a refusal is said, and a call without arguments has none', () => {
  expect(translate(completion({ content: null, refusal: 'no' }))['content']).toEqual([{ type: 'text', text: 'no' }]);
  expect(translate(completion({ tool_calls: [call('')] }))['content']).toMatchObject([{ input: {} }]);
});

test.each([
  '',
  '[]',
  '{"type":"message","content":[]}',
  '{"choices":[]}',
  JSON.stringify(completion({ tool_calls: [call('{"a":')] })),
])('the body %j is not understood', (body) => {
  let error: unknown;
  try {
    translation.whole(Buffer.from(body));
  } catch (thrown) {
    error = thrown;
  }
  expect((error as GatewayError).rejection.code).toBe('UPSTREAM_INVALID_RESPONSE');
});

describe('an error', () => {
  test.each([
    [400, 'invalid_request_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [503, 'overloaded_error'],
  ])('%i keeps status and message as %s', (status, type) => {
    const body = Buffer.from(JSON.stringify({ error: { message: 'because', type: 'requests', param: null } }));
    const failure = translation.failure(status, body);
    expect(failure.status).toBe(status);
    expect(JSON.parse(failure.body.toString())).toEqual({ type: 'error', error: { type, message: 'because' } });
  });

  test.each([
    ['{"message":"flat"}', 'flat'],
    ['<html>', 'The upstream answered with status 500.'],
    ['{"error":"model not found"}', 'model not found'],
    ['{"detail":"no such thing"}', 'no such thing'],
    ['{"detail":[{"loc":["body","n"],"msg":"too large"},{"msg":"odd"}]}', 'body.n: too large; odd'],
    ['[{"error":{"code":400,"message":"bad key","status":"INVALID_ARGUMENT"}}]', 'bad key'],
    ['{"object":"error","message":{"detail":[{"msg":"odd"}]}}', 'odd'],
    ['upstream connect error', 'upstream connect error'],
  ])('whose body is %j says %j', (body, message) => {
    expect(JSON.parse(translation.failure(500, Buffer.from(body)).body.toString())).toMatchObject({
      error: { message },
    });
  });
});
