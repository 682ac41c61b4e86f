import { describe, expect, test } from '@jest/globals';
import type { GatewayError } from '../../errors/rejection.ts';
import { buildCallOf } from '../../../tests/support/model-call-builder.ts';
import { chat } from './chat/chat.ts';
import { LanguageTranslation } from './language-translation.ts';
import { messages } from './messages/messages.ts';

const translation = new LanguageTranslation(buildCallOf('chat', {}), chat, messages);

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-x',
  content: [
    { type: 'thinking', thinking: 'hm', signature: 's' },
    { type: 'text', text: 'let me' },
    { type: 'text', text: ' add' },
    { type: 'tool_use', id: 't1', name: 'add', input: { a: 1 } },
  ],
  stop_reason: 'tool_use',
  usage: { input_tokens: 5, cache_creation_input_tokens: 20, cache_read_input_tokens: 100, output_tokens: 7 },
};

function translate(message: object): Record<string, unknown> {
  return JSON.parse(translation.whole(Buffer.from(JSON.stringify(message))).toString());
}

test('a message becomes a completion with its text, calls and usage', () => {
  expect(translate(MESSAGE)).toEqual({
    id: 'msg_1',
    object: 'chat.completion',
    created: expect.any(Number),
    model: 'claude-x',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'let me add',
          refusal: null,
          reasoning_content: 'hm',
          thinking_blocks: [{ type: 'thinking', thinking: 'hm', signature: 's' }],
          tool_calls: [{ id: 't1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ],
    usage: {
      prompt_tokens: 125,
      completion_tokens: 7,
      total_tokens: 132,
      prompt_tokens_details: { cached_tokens: 100 },
    },
  });
});

test.each([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
  ['something new', 'stop'],
])('stop_reason %s is finish_reason %s', (reason, expected) => {
  expect(translate({ ...MESSAGE, content: [], stop_reason: reason })).toMatchObject({
    choices: [{ message: { content: null }, finish_reason: expected }],
  });
});

test.each(['', '{', '[]', '{"type":"error"}', '{"id":"chatcmpl-1","choices":[]}'])(
  'the body %j is not understood',
  (body) => {
    let error: unknown;
    try {
      translation.whole(Buffer.from(body));
    } catch (thrown) {
      error = thrown;
    }
    expect((error as GatewayError).rejection.code).toBe('UPSTREAM_INVALID_RESPONSE');
  },
);

describe('an error', () => {
  const told = (type: string) => Buffer.from(JSON.stringify({ type: 'error', error: { type, message: 'because' } }));

  test.each([
    [400, 'invalid_request_error', 400, { type: 'invalid_request_error', code: null }],
    [404, 'not_found_error', 404, { type: 'invalid_request_error', code: 'model_not_found' }],
    [413, 'request_too_large', 413, { type: 'invalid_request_error', code: null }],
    [429, 'rate_limit_error', 429, { type: 'rate_limit_error', code: 'rate_limit_exceeded' }],
    [500, 'api_error', 500, { type: 'server_error', code: null }],
    [529, 'overloaded_error', 503, { type: 'server_error', code: 'overloaded' }],
  ])('%i %s keeps its message', (status, type, expectedStatus, expected) => {
    const failure = translation.failure(status, told(type));
    expect(failure.status).toBe(expectedStatus);
    expect(JSON.parse(failure.body.toString())).toEqual({ error: { message: 'because', param: null, ...expected } });
  });

  test.each(['', '<html>', '{}', '[]'])('whose body is %j still has the shape', (body) => {
    const failure = translation.failure(502, Buffer.from(body));
    expect(JSON.parse(failure.body.toString())).toMatchObject({
      error: { message: 'The upstream answered with status 502.', type: 'server_error' },
    });
  });
});
