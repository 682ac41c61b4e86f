import { describe, expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { buildTarget } from '../../../tests/support/target-builder.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { HeaderList } from '../../edge/header-list.ts';
import type { ModelsConfig } from '../../llm/schema.ts';
import { Turns } from '../../lib/turns.ts';
import { createModelSteps } from './model-routing.policy.ts';

const MODELS: ModelsConfig = {
  default_by: {},
  allow: [],
  entries: {
    'gpt-4': { unpriced: 'free', fallbacks: ['llama-2'], max_output: 100 },
    'llama-2': { unpriced: 'free', fallbacks: [] },
  },
  aliases: { gpt: 'gpt-4' },
};
const [step] = createModelSteps(
  { models: MODELS, routeModels: [] },
  { targets: [buildTarget('a')] },
  { service: 'chat', turns: new Turns() },
);

/** A request whose body has arrived, at a path behind the base of the service. */
function request(path: string, body: object | undefined, headers: string[] = [], method = 'POST'): Exchange {
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const exchange = buildExchange({ method, path, contentLength: bytes.length, headers: HeaderList.from(headers) });
  if (bytes.length > 0) exchange.req.push(bytes);
  exchange.req.push(null);
  const noPlan = (): never => {
    throw new Error('nothing is sent here');
  };
  const timeouts = { connect: 1, first_byte: 1, first_byte_streamed: 1, idle: 1, idle_streamed: 1, total: 1 };
  exchange.plan = { timeouts, pathFor: ({ edge }) => edge.path, requestFor: noPlan };
  return exchange;
}

const messages = [{ role: 'user', content: 'Hello!' }];

describe('a request to a model', () => {
  test('is known by what it asks, of whom, and how much that may be', async () => {
    const body = { model: 'gpt', messages, n: 2, stream: true, stream_options: { include_usage: true } };
    const exchange = request('/chat/completions', body);
    expect(await step?.decide(exchange)).toBeUndefined();
    expect(exchange.model).toMatchObject({
      operation: 'chat',
      path: '/chat/completions',
      body,
      isStream: true,
      wantsStreamUsage: true,
      estimatedInputTokens: Math.ceil(JSON.stringify(messages).length / 4),
      maxOutputTokens: 200,
      usage: undefined,
      lost: [],
    });
    expect(exchange.model?.candidates.map(({ name }) => name)).toEqual(['gpt-4', 'llama-2']);
    expect(exchange.model?.model).toBe(exchange.model?.candidates[0]);
  });

  test.each([
    ['/chat/completions/stream', { messages }, true],
    ['/chat/completions/stream', { messages, stream: false }, true],
    ['/chat/completions', { messages, stream: null }, false],
    ['/embeddings', { input: 'x', stream: true }, false],
  ])('%s %j is one for a stream: %s', async (path, body, isStream) => {
    const exchange = request(path, body);
    await step?.decide(exchange);
    expect(exchange.model).toMatchObject({ isStream, wantsStreamUsage: false });
  });

  test('that is compressed is refused before it is read', () => {
    const exchange = request('/chat/completions', { messages }, ['Content-Encoding', 'gzip']);
    expect(step?.decide(exchange)).toMatchObject({ status: 415 });
    expect(exchange.body.bytesRead).toBe(0);
  });
});

test.each([
  ['POST', '/files', { a: 1 }],
  ['GET', '/files', undefined],
  ['GET', '/models/gpt-4', undefined],
])('%s %s is passed on unread where it is let through', (method, path, body) => {
  const [open] = createModelSteps(
    { models: undefined, routeModels: [], operations: ['default', 'files'] },
    { targets: [buildTarget('a')] },
    { service: 'chat', turns: new Turns() },
  );
  const exchange = request(path, body, [], method);
  expect(open?.decide(exchange)).toBeUndefined();
  expect([exchange.model, exchange.body.mustBuffer, exchange.body.bytesRead]).toEqual([undefined, false, 0]);
});

test.each([
  ['POST', '/chat/completions/chatcmpl-1', 403, '"stored"'],
  ['GET', '/chat/completions', 405, '"stored"'],
  ['QUERY', '/chat/completions', 405, 'POST'],
  ['DELETE', '/models/gpt-4', 405, 'GET, HEAD'],
  ['POST', '/files', 403, '"files"'],
  ['POST', '/realtime/client_secrets', 403, '"POST /realtime/client_secrets"'],
  ['POST', '/generate', 403, '"POST /generate"'],
])('%s %s is refused with %i, and the refusal names what would help: %s', (method, path, status, text) => {
  const refused = step?.decide(request(path, undefined, [], method));
  expect(refused).toMatchObject({ status, detail: expect.stringContaining(text) });
});
