import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Rejection } from '../../errors/rejection.ts';
import type { Operation, ParsedBody } from '../../exchange/model-call.ts';
import { boundOutputTokens, estimateInputTokens } from '../estimate.ts';
import { readCallBody } from './read-call-body.ts';

const read = (operation: Operation, body: object): ParsedBody | Rejection =>
  readCallBody(operation, Buffer.from(JSON.stringify(body)));

const HELLO = [{ role: 'user', content: 'Hello!' }];

describe('a body that its operation takes is passed', () => {
  test.each<[Operation, object]>([
    ['chat', { messages: HELLO }],
    ['chat', { model: null, messages: HELLO, stop: null, stream: false, n: 2, metadata: null, unknown: { x: 1 } }],
    [
      'chat',
      {
        messages: [
          { role: 'assistant', tool_calls: [] },
          { role: 'tool', content: '', tool_call_id: 'x' },
        ],
      },
    ],
    ['chat', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] }],
    ['completions', { prompt: [1, 2] }],
    ['completions', {}],
    ['responses', { input: 'x' }],
    ['responses', { previous_response_id: 'x' }],
    ['messages', { messages: HELLO, max_tokens: 1, system: [{ type: 'text', text: 'x' }] }],
    ['embeddings', { input: ['a', 'b'] }],
    ['embeddings', { input: [1, 2, 3] }],
    ['embeddings', { input: [[1], [2, 3]] }],
    ['embed', { input_text: 'Hello, world!' }],
  ])('%s %j', (operation, body) => {
    expect(read(operation, body)).toMatchObject({ body });
  });
});

describe('a wrong type is 400 and names the field', () => {
  test.each<[Operation, object, string]>([
    ['chat', {}, 'messages'],
    ['chat', { messages: 'Hello!' }, 'messages'],
    ['chat', { messages: [null] }, 'messages[0]'],
    ['chat', { messages: [...HELLO, { content: 'x' }] }, 'messages[1].role'],
    ['chat', { messages: [{ role: 1 }] }, 'messages[0].role'],
    ['chat', { messages: [{ role: 'user', content: 1 }] }, 'messages[0].content'],
    ['chat', { messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
    ['chat', { messages: HELLO, model: ['gpt-4'] }, 'model'],
    ['chat', { messages: HELLO, stream: 'true' }, 'stream'],
    ['chat', { messages: HELLO, stream_options: true }, 'stream_options'],
    ['chat', { messages: HELLO, n: 1.5 }, 'n'],
    ['chat', { messages: HELLO, max_tokens: '10' }, 'max_tokens'],
    ['chat', { messages: HELLO, temperature: '0' }, 'temperature'],
    ['chat', { messages: HELLO, tools: {} }, 'tools'],
    ['completions', { prompt: { x: 1 } }, 'prompt'],
    ['responses', { input: 1 }, 'input'],
    ['messages', { max_tokens: 1 }, 'messages'],
    ['embeddings', {}, 'input'],
    ['embeddings', { input: { text: 'x' } }, 'input'],
    ['embeddings', { input: ['a', 1] }, 'input[1]'],
    ['embeddings', { input: [1, 2.5] }, 'input[1]'],
    ['embeddings', { input: [[1], ['a']] }, 'input[1]'],
    ['embed', {}, 'input_text'],
    ['embed', { input_text: ['Hello'] }, 'input_text'],
  ])('%s %j: %s', (operation, body, param) => {
    expect(read(operation, body)).toMatchObject({ code: 'VALIDATION_ERROR', status: 400, facts: { param } });
  });
});

describe('what is of the right type and of no use is 422 and names the field', () => {
  test.each<[Operation, object, string]>([
    ['chat', { messages: [] }, 'messages'],
    ['chat', { messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
    ['chat', { messages: HELLO, model: '' }, 'model'],
    ['chat', { messages: HELLO, n: 0 }, 'n'],
    ['chat', { messages: HELLO, max_completion_tokens: -1 }, 'max_completion_tokens'],
    ['completions', { prompt: '' }, 'prompt'],
    ['responses', { input: [] }, 'input'],
    ['messages', { messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
    ['embeddings', { input: '' }, 'input'],
    ['embeddings', { input: [] }, 'input'],
    ['embeddings', { input: ['a', ''] }, 'input[1]'],
    ['embeddings', { input: [[]] }, 'input[0]'],
    ['embed', { input_text: '' }, 'input_text'],
  ])('%s %j: %s', (operation, body, param) => {
    expect(read(operation, body)).toMatchObject({ code: 'VALUE_ERROR', status: 422, facts: { param } });
  });
});

test('no body of any shape does more than be passed or refused, and what is said never quotes it', () => {
  const operations = fc.constantFrom<Operation>('chat', 'completions', 'responses', 'messages', 'embeddings', 'embed');
  const secret = 'prompt-of-the-client';
  const value = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.constant(secret), fc.constant([{ role: secret }]));
  const field = fc.constantFrom('messages', 'input', 'input_text', 'prompt', 'model', 'n', 'stream', 'system', 'stop');
  fc.assert(
    fc.property(operations, fc.dictionary(field, value), (operation, body) => {
      const found = read(operation, body);
      if (!(found instanceof Rejection)) return;
      expect([400, 422]).toContain(found.status);
      expect(found.detail).not.toContain(secret);
    }),
  );
});

describe('before the call', () => {
  const model = { name: 'm', upstreamName: 'm', price: undefined, maxOutputTokens: undefined, isListed: true };
  const bound = (operation: Operation, body: object, maxOutputTokens?: number) =>
    boundOutputTokens(operation, read(operation, body) as ParsedBody, { ...model, maxOutputTokens });

  test('input is estimated from the bytes of what the model reads', () => {
    const body = read('chat', { model: 'm'.repeat(100), messages: HELLO, tools: [] });
    expect(estimateInputTokens('chat', body as ParsedBody)).toBe(Math.ceil((JSON.stringify(HELLO).length + 2) / 4));
    expect(estimateInputTokens('count_tokens', body as ParsedBody)).toBe(0);
  });

  test('output is bounded by the client, else by the model, else by 1,024, for each answer', () => {
    expect(bound('chat', { messages: HELLO })).toBe(1_024);
    expect(bound('chat', { messages: HELLO, n: 3 }, 50)).toBe(150);
    expect(bound('chat', { messages: HELLO, max_tokens: 7, max_completion_tokens: 9 }, 50)).toBe(9);
    expect(bound('chat', { messages: HELLO, max_tokens: 90, max_completion_tokens: 9 }, 50)).toBe(90);
    expect(bound('completions', { prompt: 'x', max_tokens: 5, n: 2, best_of: 4 })).toBe(20);
    expect(bound('responses', { input: 'x', max_output_tokens: 11, n: 'x' })).toBe(11);
    expect(bound('messages', { messages: HELLO, max_tokens: 12 })).toBe(12);
    expect(bound('embeddings', { input: 'x' }, 50)).toBe(0);
  });
});
