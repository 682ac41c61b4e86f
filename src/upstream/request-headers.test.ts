import { describe, expect, test } from '@jest/globals';
import type { EdgeRequest } from '../edge/edge-request.ts';
import type { Exchange, UpstreamPlan } from '../exchange/exchange.ts';
import { HeaderList } from '../edge/header-list.ts';
import type { TargetAddress } from '../exchange/target-address.ts';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { buildTarget } from '../../tests/support/target-builder.ts';
import { RequestHeaders } from './request-headers.ts';

type Config = ConstructorParameters<typeof RequestHeaders>[1];

const NO_EDITS = { set: {}, add: {}, remove: [] };
const DEFAULTS: Config = {
  request: NO_EDITS,
  preserve_host: false,
  forward_credentials: false,
  forward_identity: true,
  underscores: 'pass',
};
const target: TargetAddress = buildTarget('10.0.0.7:8080');
const principal = { consumer: { id: 'acme', name: 'Acme', tier: 'pro' } } as NonNullable<Exchange['principal']>;

function exchangeWith(lines: readonly string[], edge: Partial<EdgeRequest> = {}): Exchange {
  return buildExchange({ headers: HeaderList.from(lines), ...edge });
}

function build(
  exchange: Exchange,
  config: Partial<Config> = {},
  kind: 'http' | 'llm' = 'http',
  to = target,
): HeaderList {
  return HeaderList.from(
    new RequestHeaders(kind, { ...DEFAULTS, ...config }, 'gw-1').build(exchange, to, exchange.body.sendLength),
  );
}

describe('to an http upstream', () => {
  test('end-to-end lines pass with their case, order and duplicates', () => {
    const lines = [
      'Accept',
      'a',
      'X-Twice',
      '1',
      'COOKIE',
      'a=1',
      'x-twice',
      '2',
      'Via',
      '1.0 edge',
      'X-\u0041',
      '\u00e9',
    ];
    const sent = build(exchangeWith(lines)).raw;
    expect(sent.slice(0, 2)).toEqual(['Host', '10.0.0.7:8080']);
    expect(sent.slice(2, 2 + lines.length)).toEqual(lines);
  });

  test('hop-by-hop lines, Expect and everything Connection names stay here (RFC 9110 7.6.1)', () => {
    const sent = build(
      exchangeWith([
        ...['Connection', '', 'Connection', 'close, X-Named ,', 'connection', 'cookie', 'X-Named', '1', 'Cookie', 'c'],
        ...[
          'Keep-Alive',
          '1',
          'Proxy-Connection',
          'x',
          'TE',
          'trailers',
          'Trailer',
          'X',
          'Transfer-Encoding',
          'chunked',
        ],
        ...[
          'Upgrade',
          'h2c',
          'HTTP2-Settings',
          'x',
          'Proxy-Authorization',
          'x',
          'Expect',
          '100-continue',
          'Accept',
          '*',
        ],
      ]),
    );
    expect(sent.names).toEqual([
      'host',
      'accept',
      'x-request-id',
      'x-forwarded-proto',
      'x-forwarded-host',
      'via',
      'x-forwarded-for',
    ]);
  });

  test('Connection cannot take away what the gateway adds', () => {
    const exchange = exchangeWith(['Connection', 'X-Forwarded-For, X-Request-Id, X-Consumer-Id, Via, Host']);
    exchange.principal = principal;
    const sent = build(exchange);
    for (const name of ['x-forwarded-for', 'x-request-id', 'x-consumer-id', 'via', 'host'])
      expect(sent.has(name)).toBe(true);
  });

  test('an untrusted client can forge neither identity nor forwarding lines', () => {
    const forged = ['X-Consumer-Id', 'X-CONSUMER-Role', 'X-Credential-Id', 'X-Authenticated-User', 'X-Forwarded-For']
      .concat([
        'X-Forwarded-Port',
        'X-Forwarded-Host',
        'X-Forwarded-Proto',
        'X-Forwarded-Prefix',
        'Forwarded',
        'X-Real-IP',
        'True-Client-IP',
        'CF-Connecting-IP',
        'X-Original-URL',
      ])
      .flatMap((name) => [name, 'forged']);
    for (const kind of ['http', 'llm'] as const) {
      expect(build(exchangeWith(forged, { peer: '203.0.113.9' }), {}, kind).raw).not.toContain('forged');
    }
  });

  test('what a trusted proxy said is kept and continued', () => {
    const lines = ['X-Forwarded-For', '1.2.3.4', 'X-Forwarded-For', '10.0.0.2', 'X-Forwarded-Host', 'www.example'];
    const exchange = exchangeWith([...lines, 'X-Real-IP', '1.2.3.4', 'X-Forwarded-Prefix', '/api'], {
      peer: '10.0.0.1',
      isPeerTrusted: true,
      scheme: 'https',
    });
    exchange.plan = { strippedPrefix: '/svc' } as UpstreamPlan;
    const sent = build(exchange);
    expect(sent.all('x-forwarded-for')).toEqual(['1.2.3.4, 10.0.0.2, 10.0.0.1']);
    expect(sent.all('x-forwarded-host')).toEqual(['www.example']);
    expect(sent.all('x-forwarded-proto')).toEqual(['https']);
    expect(sent.all('x-forwarded-prefix')).toEqual(['/api/svc']);
    expect(sent.get('x-real-ip')).toBe('1.2.3.4');
  });

  test('the caller is named in text any header may hold', () => {
    const exchange = exchangeWith([]);
    exchange.principal = { consumer: { id: 'a b%/\u00e9\u{1F600}\n', name: '', tier: 'gold+' } } as typeof principal;
    const sent = build(exchange);
    expect(sent.get('x-consumer-id')).toBe('a%20b%25/%C3%A9%F0%9F%98%80%0A');
    expect(sent.get('x-consumer-tier')).toBe('gold+');
  });

  test('forward_identity: false tells neither the caller nor the address', () => {
    const exchange = exchangeWith(['X-Forwarded-For', '1.2.3.4', 'Forwarded', 'for=1.2.3.4'], { isPeerTrusted: true });
    exchange.principal = principal;
    const sent = build(exchange, { forward_identity: false });
    for (const name of ['x-consumer-id', 'x-forwarded-for', 'forwarded']) expect(sent.has(name)).toBe(false);
  });

  test('the header that authenticated stays here unless forward_credentials says otherwise', () => {
    const exchange = exchangeWith(['X-API-Key', 'secret', 'Authorization', 'Basic other']);
    exchange.credentialHeader = 'x-api-key';
    expect(build(exchange).has('x-api-key')).toBe(false);
    expect(build(exchange).get('authorization')).toBe('Basic other');
    expect(build(exchange, { forward_credentials: true }).get('x-api-key')).toBe('secret');
    expect(build(exchangeWith(['X-Master-Key', 'secret'])).raw).not.toContain('secret');
  });

  test('Host is the target’s, and the client’s only with preserve_host', () => {
    const exchange = exchangeWith(['Host', 'a.example:8000'], { authority: 'a.example:8000' });
    expect(build(exchange).all('host')).toEqual(['10.0.0.7:8080']);
    expect(build(exchange).get('x-forwarded-host')).toBe('a.example:8000');
    expect(build(exchange, { preserve_host: true }).all('host')).toEqual(['a.example:8000']);
    expect(build(exchangeWith([], { authority: '' }), { preserve_host: true }).all('host')).toEqual(['10.0.0.7:8080']);
  });

  test('Content-Length is announced once when the length is known, and never with a chunked body', () => {
    const known = exchangeWith(['Content-Length', '5'], { contentLength: 5 });
    expect(build(known).all('content-length')).toEqual(['5']);
    const chunked = exchangeWith(['Transfer-Encoding', 'chunked'], { chunked: true });
    expect(build(chunked).has('content-length')).toBe(false);
  });

  test('names with an underscore pass or are dropped as the route says', () => {
    const exchange = exchangeWith(['X_Custom', '1', 'X-Custom', '2'], { hasUnderscoreName: true });
    expect(build(exchange).has('x_custom')).toBe(true);
    expect(build(exchange, { underscores: 'drop' }).has('x_custom')).toBe(false);
    expect(build(exchange, { underscores: 'drop' }).has('x-custom')).toBe(true);
  });

  test('the route’s edits come after the gateway’s lines, the target’s credential after all', () => {
    const request = {
      set: { 'X-Forwarded-Proto': 'https', Authorization: 'edited' },
      add: { Accept: 'b', 'X-New': '1' },
      remove: ['User-Agent', 'VIA'],
    };
    const withKey = { ...target, credential: { name: 'authorization', value: 'Bearer upstream' } };
    const exchange = exchangeWith(['User-Agent', 'curl', 'Accept', 'a', 'Authorization', 'client']);
    const sent = build(exchange, { request }, 'http', withKey);
    expect(sent.all('x-forwarded-proto')).toEqual(['https']);
    expect(sent.all('accept')).toEqual(['a', 'b']);
    expect([sent.has('user-agent'), sent.has('via')]).toEqual([false, false]);
    expect(sent.all('authorization')).toEqual(['Bearer upstream']);
    expect(sent.raw.slice(-2)).toEqual(['authorization', 'Bearer upstream']);
  });

  test('Via names the protocol the request came with', () => {
    expect(build(exchangeWith([])).get('via')).toBe('1.1 gw-1');
    expect(build(exchangeWith([], { httpVersion: '1.0' })).get('via')).toBe('1.0 gw-1');
  });
});

describe('to a model API', () => {
  const lines = [
    ...['Content-Type', 'application/json', 'Accept', 'x', 'User-Agent', 'sdk', 'OpenAI-Beta', 'b', 'Traceparent', 't'],
    ...[
      'X-Stainless-Lang',
      'js',
      'Anthropic-Version',
      'v',
      'Anthropic-Beta',
      'w',
      'X-API-Key',
      'k',
      'Authorization',
      'k',
    ],
    ...['Cookie', 'c', 'OpenAI-Organization', 'o', 'OpenAI-Project', 'p', 'OpenAI-Api-Key', 'k', 'X-Other', 'x'],
  ];

  test('only the names on the list pass, and nothing tells who or where the client is', () => {
    const exchange = exchangeWith(lines);
    exchange.principal = principal;
    const sent = build(exchange, { forward_identity: false }, 'llm');
    expect(sent.names).toEqual([
      ...['host', 'content-type', 'accept', 'user-agent', 'openai-beta', 'traceparent', 'x-stainless-lang'],
      ...['anthropic-version', 'anthropic-beta', 'x-request-id', 'accept-encoding'],
    ]);
  });

  test('forward_identity adds the caller and the address', () => {
    const exchange = exchangeWith(lines, { peer: '198.51.100.7' });
    exchange.principal = principal;
    const sent = build(exchange, { forward_identity: true }, 'llm');
    expect([sent.get('x-consumer-id'), sent.get('x-forwarded-for')]).toEqual(['acme', '198.51.100.7']);
  });
});

describe('the key a caller brings for the provider', () => {
  const lines = ['OpenAI-Api-Key', 'sk-mine', 'Content-Type', 'application/json'];
  const sentTo = (fields: Partial<TargetAddress>, config: Partial<Config> = { allow_client_key: true }) =>
    build(exchangeWith(lines), config, 'llm', { ...target, ...fields });
  const credential = { name: 'authorization', value: 'Bearer sk-ours' };

  test('replaces the target’s where that is allowed, and does not pass itself', () => {
    const sent = sentTo({ credential });
    expect(sent.all('authorization')).toEqual(['Bearer sk-mine']);
    expect(sent.has('openai-api-key')).toBe(false);
  });

  test('goes to the header the target’s own would stand in', () => {
    expect(sentTo({ credential: { name: 'api-key', value: 'ours' } }).all('api-key')).toEqual(['sk-mine']);
    expect(sentTo({ credential: undefined }).all('authorization')).toEqual(['Bearer sk-mine']);
  });

  test('goes nowhere where it is not allowed, and to no other provider', () => {
    for (const sent of [
      sentTo({ credential }, {}),
      sentTo({ credential, provider: 'anthropic' }),
      build(exchangeWith(['OpenAI-Api-Key', '']), { allow_client_key: true }, 'llm', { ...target, credential }),
    ]) {
      expect(sent.all('authorization')).toEqual(['Bearer sk-ours']);
      expect(sent.raw.join()).not.toContain('sk-mine');
    }
  });
});

test.each(['Connection', 'content-length', 'Transfer-Encoding', 'Expect', 'a b', ''])(
  'editing %j does not compile',
  (name) => {
    for (const request of [
      { ...NO_EDITS, set: { [name]: 'x' } },
      { ...NO_EDITS, remove: [name] },
    ]) {
      expect(() => new RequestHeaders('http', { ...DEFAULTS, request }, 'gw')).toThrow(`"${name}"`);
    }
  },
);

test.each(['a\r\nb', 'a\nb', 'a\0b', '\u{1F600}'])('a configured value %j does not compile', (value) => {
  const request = { ...NO_EDITS, add: { 'X-A': value } };
  expect(() => new RequestHeaders('http', { ...DEFAULTS, request }, 'gw')).toThrow('X-A');
});
