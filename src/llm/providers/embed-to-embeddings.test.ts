import { describe, expect, test } from '@jest/globals';
import { buildModelCall } from '../../../tests/support/model-call-builder.ts';
import { GatewayError } from '../../errors/rejection.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import { openai } from './openai.ts';
import { anthropic } from './anthropic.ts';

const bytes = Buffer.from('{"input_text":"Hello, world!"}');

function embedCall(...models: readonly [string, ...string[]]): ModelCall {
  return {
    ...buildModelCall(...models),
    operation: 'embed',
    path: '/embed',
    body: { input_text: 'Hello, world!' },
  };
}

const translation = openai.translation(embedCall('m'));
const json = (body: Buffer): unknown => JSON.parse(body.toString());
const whole = (answer: unknown): unknown => json(translation?.whole(Buffer.from(JSON.stringify(answer))) as Buffer);

describe('a request for the embedding of one text', () => {
  test('asks for embeddings, of the model as the upstream calls it', () => {
    const { path, body } = openai.request(embedCall('m'), { path: '/embed', bytes });
    expect(path).toBe('/embeddings');
    expect(json(body as Buffer)).toEqual({ model: 'm', input: 'Hello, world!' });
  });

  test('leaves the choice of the model to the upstream when the client named none', () => {
    const { body } = openai.request(embedCall(''), { path: '/embed', bytes });
    expect(json(body as Buffer)).toEqual({ input: 'Hello, world!' });
  });

  test('is not served by a provider that has no embeddings', () => {
    expect(() => anthropic.request(embedCall('m'), { path: '/embed', bytes })).toThrow(GatewayError);
  });
});

describe('its answer', () => {
  const usage = { prompt_tokens: 4, total_tokens: 4 };

  test('is the vector, the model and the usage, and nothing else', () => {
    const data = [{ object: 'embedding', index: 0, embedding: [0.5, -1] }];
    const answer = { object: 'list', data, model: 'all-mpnet', usage };
    expect(whole(answer)).toEqual({ embedding: [0.5, -1], model: 'all-mpnet', usage });
  });

  test('counts the prompt as everything where the total is not told', () => {
    expect(whole({ data: [{ embedding: [] }], model: 'a', usage: { prompt_tokens: 3 } })).toMatchObject({
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
  });

  test.each([{}, { data: [] }, { data: [{ embedding: 'base64' }] }, [], 'text'])('is 502 when it is %j', (answer) => {
    expect(() => whole(answer)).toThrow(GatewayError);
  });

  test.each([
    [400, '{"error":{"message":"too long"}}', { detail: 'too long', code: 'VALIDATION_ERROR' }],
    [422, '{"error":"Invalid","detail":"odd text"}', { detail: 'odd text', code: 'VALUE_ERROR' }],
    [500, '<html>', { detail: 'The upstream answered with status 500.', code: 'UPSTREAM_ERROR' }],
  ])('of status %d keeps status and message', (status, body, told) => {
    const failure = translation?.failure(status, Buffer.from(body));
    expect(failure?.status).toBe(status);
    expect(json(failure?.body as Buffer)).toEqual({ error: expect.any(String), ...told });
  });
});
