import { describe, expect, test } from '@jest/globals';
import { buildCallOf, buildModel } from '../../../tests/support/model-call-builder.ts';
import type { GatewayError } from '../../errors/rejection.ts';
import type { ModelCall, Operation } from '../../exchange/model-call.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import type { Provider, ProviderRequest } from './provider.ts';

const renamed = { model: buildModel('sample', { upstreamName: 'real-name' }) };

function request(provider: Provider, operation: Operation, body: object, fields: Partial<ModelCall> = {}) {
  const call = buildCallOf(operation, body, fields);
  const sent: ProviderRequest = provider.request(call, { path: call.path, bytes: call.bytes });
  return { path: sent.path, text: String(sent.body), isOriginal: sent.body === call.bytes };
}

describe.each([
  ['openai', openai, 'chat'],
  ['anthropic', anthropic, 'messages'],
] as const)('%s, asked in its own language', (_name, provider, operation) => {
  test('is sent the very bytes of the client, and its answers pass as they are', () => {
    expect(request(provider, operation, { model: 'sample', messages: [] })).toMatchObject({ isOriginal: true });
    expect(provider.translation(buildCallOf(operation, {}))).toBeUndefined();
  });

  test('is sent its own name of the model, and nothing else is touched', () => {
    const { text } = request(provider, operation, { model: 'sample', top_k: 1 }, renamed);
    expect(text).toBe('{"model":"real-name","top_k":1}');
  });

  test('is asked for a stream where the path asked for one', () => {
    const forced = { isStream: true, wantsStreamUsage: true };
    expect(request(provider, operation, { model: 'sample' }, forced).text).toBe('{"model":"sample","stream":true}');
  });

  test('is sent no name where it chooses the model itself', () => {
    expect(request(provider, operation, { top_k: 1 }, { model: buildModel('') }).text).toBe('{"top_k":1}');
  });
});

describe('openai', () => {
  test.each(['chat', 'completions'] as const)('is asked for the usage of a stream of %s', (operation) => {
    const body = { model: 'sample', stream: true };
    expect(JSON.parse(request(openai, operation, body).text)).toEqual({
      ...body,
      stream_options: { include_usage: true },
    });
    const own = { ...body, stream_options: { include_usage: false, include_obfuscation: false } };
    expect(JSON.parse(request(openai, operation, own).text)).toMatchObject({
      stream_options: { include_usage: true, include_obfuscation: false },
    });
    expect(request(openai, operation, body, { wantsStreamUsage: true }).isOriginal).toBe(true);
  });

  test('is not asked for it where the answer tells it anyway', () => {
    expect(request(openai, 'responses', { model: 'sample', stream: true }).isOriginal).toBe(true);
  });

  test('serves the Messages API as chat completions', () => {
    expect(request(openai, 'messages', { messages: [] }).path).toBe('/chat/completions');
    expect(openai.translation(buildCallOf('messages', {}))).toBeDefined();
  });
});

describe('anthropic', () => {
  test.each([
    ['chat', { messages: [{ role: 'user', content: 'hi' }] }],
    ['responses', { input: 'hi' }],
  ] as const)('serves %s as messages', (operation, body) => {
    expect(request(anthropic, operation, body)).toMatchObject({
      path: '/messages',
      text: expect.stringContaining('"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]'),
    });
    expect(anthropic.translation(buildCallOf(operation, {}))).toBeDefined();
  });

  test.each(['embeddings', 'completions'] as const)('does not serve %s, and says so', (operation) => {
    let error: unknown;
    try {
      request(anthropic, operation, { model: 'sample' });
    } catch (thrown) {
      error = thrown;
    }
    expect((error as GatewayError).rejection).toMatchObject({
      code: 'NOT_FOUND',
      detail: `The provider of the model "sample" does not serve /${operation}.`,
    });
  });

  test.each([
    ['/messages/count_tokens', true],
    ['/messages?beta=true', true],
    ['/models', true],
    ['/modelsx', false],
    ['/audio/speech', false],
  ])('has the path %s: %s', (path, expected) => expect(anthropic.serves(path)).toBe(expected));
});
