import { expect, test } from '@jest/globals';
import type { ModelCall } from '../exchange/model-call.ts';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { envelopeOf } from './envelope.ts';

const call = {
  model: { name: 'gpt-4' },
  usage: { inputTokens: 100, outputTokens: 25, isEstimated: false },
} as ModelCall;

function responseOf(answer: unknown): unknown {
  const envelope = envelopeOf(buildExchange(), call, answer);
  return envelope === undefined ? undefined : JSON.parse(envelope).response;
}

test('holds the id, the model, the text, and what it took', () => {
  const envelope = envelopeOf(buildExchange(), call, { choices: [{ message: { content: 'Well.' } }] });
  expect(JSON.parse(envelope ?? '')).toEqual({
    request_id: 'req_test',
    status: 'success',
    model: 'gpt-4',
    response: 'Well.',
    metadata: { tokens_used: 125, latency_ms: expect.any(Number), timestamp: expect.any(String) },
  });
});

test.each([
  ['a chat completion', { choices: [{ message: { content: 'a' } }] }, 'a'],
  ['a completion', { choices: [{ text: 'b' }] }, 'b'],
  ['a response', { output: [{ type: 'reasoning' }, { content: [{ text: 'c' }, { text: 'd' }] }] }, 'cd'],
  ['a message', { content: [{ type: 'text', text: 'e' }, { type: 'tool_use' }] }, 'e'],
  [
    'calls of tools',
    { choices: [{ message: { content: null, tool_calls: [1] } }] },
    { content: null, tool_calls: [1] },
  ],
])('finds the text of %s', (_name, answer, text) => expect(responseOf(answer)).toEqual(text));

test('what is no text of a model is left as it is', () => {
  for (const answer of [{ data: [] }, null, [], 'text', 1]) expect(responseOf(answer)).toBeUndefined();
});
