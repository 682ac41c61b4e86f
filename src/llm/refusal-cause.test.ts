import { expect, test } from '@jest/globals';
import { refusalCause } from './refusal-cause.ts';

const said = (error: object | string): Buffer => Buffer.from(JSON.stringify({ error }));

test.each([
  [
    'OpenAI',
    said({ message: 'No.', type: 'invalid_request_error', code: 'context_length_exceeded' }),
    'context_length',
  ],
  [
    'Anthropic',
    said({ type: 'invalid_request_error', message: 'prompt is too long: 208310 tokens > 200000 maximum' }),
    'context_length',
  ],
  [
    'Anthropic, by size',
    said({ type: 'request_too_large', message: 'Request exceeds the maximum size' }),
    'context_length',
  ],
  [
    'Gemini',
    Buffer.from(
      '[{"error":{"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."}}]',
    ),
    'context_length',
  ],
  ['vLLM', Buffer.from('{"message":"This model\'s maximum context length is 4096 tokens."}'), 'context_length'],
  ['Azure', said({ code: 'content_filter', message: 'The response was filtered.' }), 'content_policy'],
  [
    'OpenAI, images',
    said({ code: 'moderation_blocked', message: 'Your request was rejected by the safety system.' }),
    'content_policy',
  ],
  ['a wrong field', said({ code: 'invalid_value', message: 'temperature must be at most 2' }), undefined],
  ['no JSON', Buffer.from('<html>Bad Request</html>'), undefined],
])('%s', (_name, body, cause) => {
  expect(refusalCause(400, body)).toBe(cause);
});
