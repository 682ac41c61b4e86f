import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../http-service.ts';
import { startEmbeddings } from './server.ts';

let embeddings: RunningService;
beforeAll(async () => {
  embeddings = await startEmbeddings({ port: 0 });
});
afterAll(() => embeddings.close());

async function post(path: string, body: unknown): Promise<{ status: number; json: Record<string, unknown> }> {
  const res = await fetch(embeddings.url + path, { method: 'POST', body: JSON.stringify(body) });
  return { status: res.status, json: (await res.json()) as Record<string, unknown> };
}

test.each(['/embed', '/v1/embed'])('%s gives one vector of length 1 with its usage', async (path) => {
  const { json } = await post(path, { input_text: 'Hello, world!' });
  const vector = json['embedding'] as number[];
  expect(vector).toHaveLength(768);
  expect(Math.hypot(...vector)).toBeCloseTo(1);
  expect(json['model']).toBe('sentence-transformers/all-mpnet-base-v2');
  expect(json['usage']).toEqual({ prompt_tokens: 4, total_tokens: 4 });
});

test.each(['/embeddings', '/v1/embeddings'])('%s gives a list in the shape of OpenAI', async (path) => {
  const { json } = await post(path, { model: 'any', input: ['Hello, world!', 'a'] });
  expect(json).toMatchObject({ object: 'list', model: 'any', usage: { prompt_tokens: 5, total_tokens: 5 } });
  expect(json['data']).toMatchObject([{ object: 'embedding', index: 0 }, { index: 1 }]);
});

test('the same text has the same vector, another text another', async () => {
  const vectors = await post('/v1/embeddings', { input: ['a', 'a', 'b'] });
  const [first, second, third] = (vectors.json['data'] as { embedding: number[] }[]).map((each) => each.embedding);
  expect(second).toEqual(first);
  expect(third).not.toEqual(first);
});

test('gives the same numbers in base64 as in a list', async () => {
  const list = await post('/v1/embeddings', { input: 'a', dimensions: 8 });
  const packed = await post('/v1/embeddings', { input: 'a', dimensions: 8, encoding_format: 'base64' });
  const [{ embedding: numbers }] = list.json['data'] as [{ embedding: number[] }];
  const [{ embedding: base64 }] = packed.json['data'] as [{ embedding: string }];
  const bytes = new Uint8Array(Buffer.from(base64, 'base64')).buffer;
  expect([...new Float32Array(bytes)]).toEqual(numbers.map(Math.fround));
});

test('answers 422 to an embed request without text and 400 to an embeddings request without input', async () => {
  expect(await post('/embed', {})).toMatchObject({ status: 422, json: { code: 'VALIDATION_ERROR' } });
  expect(await post('/v1/embeddings', {})).toMatchObject({ status: 400, json: { error: { param: 'input' } } });
});

test('reports its health with model, device and load', async () => {
  expect(await (await fetch(`${embeddings.url}/health`)).json()).toEqual({
    status: 'healthy',
    model: 'sentence-transformers/all-mpnet-base-v2',
    device: 'cpu',
    queue_size: 0,
    inflight_batches: 0,
  });
});
