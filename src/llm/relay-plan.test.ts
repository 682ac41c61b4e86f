import { describe, expect, test } from '@jest/globals';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { buildCallOf, buildModel } from '../../tests/support/model-call-builder.ts';
import type { GatewayError } from '../errors/rejection.ts';
import type { Exchange, UpstreamPlan } from '../exchange/exchange.ts';
import type { ProviderName } from '../exchange/model-call.ts';
import type { TargetAddress } from '../exchange/target-address.ts';
import { Turns } from '../lib/turns.ts';
import { RelayPlan } from './relay-plan.ts';

function targetOf(provider: ProviderName): TargetAddress {
  return { origin: 'http://x', authority: 'x', basePath: '/base', provider, credential: undefined };
}

/** Sends on the lines given here instead of the client's, and the length of the body. */
function planWith(lines: readonly string[], path = '/chat/completions'): RelayPlan {
  return new RelayPlan({
    timeouts: {} as UpstreamPlan['timeouts'],
    strippedPrefix: undefined,
    pathFor: () => path,
    headers: {
      build: (_exchange, _target, length) => [...lines, 'Content-Length', String(length)],
      sendsClientKey: () => false,
    },
    turns: new Turns(),
  });
}

function chatExchange(query = ''): Exchange {
  const exchange = buildExchange({ method: 'POST', query });
  exchange.model = buildCallOf('chat', { messages: [{ role: 'user', content: 'hi' }] }, { query });
  return exchange;
}

describe('a call of a model', () => {
  test('is written once for all attempts at one provider with one model, and anew for another', () => {
    const exchange = chatExchange();
    const ask = (provider: ProviderName) => planWith([]).requestFor(exchange, targetOf(provider)).body;
    const first = ask('anthropic');
    expect(ask('anthropic')).toBe(first);
    if (exchange.model) exchange.model.model = buildModel('other');
    const second = ask('anthropic');
    expect([first, second].map((body) => (body as Buffer).toString())).toEqual([
      expect.stringContaining('"model":"sample"'),
      expect.stringContaining('"model":"other"'),
    ]);
    expect(ask('openai')).not.toBe(second);
  });

  test('in another language has its own path, length and type, and the version unless the client names one', () => {
    const lines = ['content-type', 'text/plain', 'Anthropic-Version', '2029-01-01'];
    const { path, headers, body } = planWith(lines).requestFor(chatExchange('?beta=true'), targetOf('anthropic'));
    const length = ['Content-Length', String((body as Buffer).length)];
    expect(path).toBe('/base/messages');
    expect(headers).toEqual(['content-type', 'application/json', 'Anthropic-Version', '2029-01-01', ...length]);
    const bare = planWith([]).requestFor(chatExchange(), targetOf('anthropic')).headers;
    expect(bare).toEqual([...length, 'anthropic-version', '2023-06-01', 'content-type', 'application/json']);
  });

  test('in the same language keeps headers and query', () => {
    const { path, headers } = planWith(['content-type', 'a/b']).requestFor(chatExchange('?a=1'), targetOf('openai'));
    expect([path, headers.slice(0, 2)]).toEqual(['/base/chat?a=1', ['content-type', 'a/b']]);
  });
});

describe('what names no model', () => {
  const ask = (provider: ProviderName, path: string) =>
    planWith([], path).requestFor(buildExchange({ query: '?a=1' }), targetOf(provider));

  test('is passed on', () => {
    expect(ask('openai', '/files')).toMatchObject({ path: '/base/files?a=1', body: null });
    expect(ask('anthropic', '/models').headers).toContain('anthropic-version');
  });

  test('is refused where the provider has no such path', () => {
    let error: unknown;
    try {
      ask('anthropic', '/audio/speech');
    } catch (thrown) {
      error = thrown;
    }
    expect((error as GatewayError).rejection).toMatchObject({
      code: 'NOT_FOUND',
      detail: 'The provider does not serve /audio/speech.',
    });
  });
});
