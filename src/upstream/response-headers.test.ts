import { describe, expect, test } from '@jest/globals';
import type { EdgeRequest } from '../edge/edge-request.ts';
import { HeaderList } from '../edge/header-list.ts';
import type { LimitStatus } from '../exchange/receipts.ts';
import type { UpstreamPlan } from '../exchange/exchange.ts';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { ResponseHeaders } from './response-headers.ts';
import { Target } from './targets.ts';

const TARGET_KEY = 'sk-of-the-operator';
const NO_EDITS = { set: {}, add: {}, remove: [] };

interface Case {
  readonly kind?: 'http' | 'llm';
  readonly status?: number;
  readonly response?: ConstructorParameters<typeof ResponseHeaders>[1]['response'];
  readonly edge?: Partial<EdgeRequest>;
  readonly strippedPrefix?: string;
  readonly basePath?: string;
  readonly isLimited?: boolean;
  readonly credential?: string;
}

function build(headers: readonly string[], given: Case = {}): HeaderList {
  const exchange = buildExchange(given.edge);
  exchange.plan = { strippedPrefix: given.strippedPrefix } as UpstreamPlan;
  if (given.isLimited) exchange.limit = {} as LimitStatus;
  const target = new Target({
    name: '10.0.0.7:8080',
    origin: 'http://10.0.0.7:8080',
    authority: '10.0.0.7:8080',
    basePath: given.basePath ?? '',
    weight: 1,
    maxConnections: 1,
    ...(given.credential && { credential: { name: 'authorization', value: given.credential } }),
  });
  const rules = new ResponseHeaders(given.kind ?? 'http', { response: given.response ?? NO_EDITS }, 'gw-1');
  return HeaderList.from(rules.build(exchange, { status: given.status ?? 200, headers, target }));
}

describe('ResponseHeaders', () => {
  test('end-to-end lines pass with case and order, each Set-Cookie on its own line', () => {
    const lines = [
      'Content-Type',
      'a/b',
      'SET-Cookie',
      'a=1, b',
      'Set-Cookie',
      'b=2',
      'X-\u0041',
      '\u00e9',
      'Via',
      '1.1 x',
    ];
    const sent = build([...lines, 'Content-Length', '5']).raw;
    expect(sent).toEqual([...lines, 'Content-Length', '5', 'Via', '1.1 gw-1', 'X-Request-Id', 'req_test']);
  });

  test('what a third party says to its customer, the operator, stays here', () => {
    const said = ['Set-Cookie', '__cf_bm=1', 'openai-organization', 'acme', 'OpenAI-Project', 'p_1'];
    expect(build(['X-A', '1', ...said], { kind: 'llm' }).names).toEqual(['x-a', 'via', 'x-request-id']);
    expect(build(said, { kind: 'http' }).raw.slice(0, 6)).toEqual(said);
  });

  test('what a third party says for its own origin or of its own limits is not said for this gateway', () => {
    const said = [
      ...[
        'Strict-Transport-Security',
        'max-age=1',
        'Alt-Svc',
        'h3=":443"',
        'Clear-Site-Data',
        '"*"',
        'Refresh',
        '0;url=/',
      ],
      ...['Report-To', '{}', 'NEL', '{}', 'Service-Worker-Allowed', '/', 'Access-Control-Allow-Origin', '*'],
      ...['x-ratelimit-remaining-tokens', '5', 'RateLimit', 'r=5', 'Content-Security-Policy', 'sandbox'],
    ];
    expect(build(['Retry-After', '1', ...said], { kind: 'llm' }).names).toEqual(['retry-after', 'via', 'x-request-id']);
    expect(build(said, { kind: 'http' }).raw.slice(0, said.length)).toEqual(said);
  });

  test('a third party cannot hand the key it was given to the client in a header', () => {
    const quoted = build(['X-Echo', `key ${TARGET_KEY}!`], { kind: 'llm', credential: `Bearer ${TARGET_KEY}` });
    expect(quoted.get('x-echo')).toBe(`key ${'*'.repeat(TARGET_KEY.length)}!`);
  });

  test('hop-by-hop lines and everything Connection names stay here, in any case (RFC 9110 7.6.1)', () => {
    const sent = build([
      ...['X-Named', '1', 'connection', 'close', 'Connection', 'X-NAMED, Content-Type', 'Content-Type', 'a/b'],
      ...[
        'KEEP-ALIVE',
        'timeout=5',
        'Transfer-Encoding',
        'chunked',
        'Upgrade',
        'h2',
        'Trailer',
        'X',
        'Proxy-Authenticate',
        'x',
      ],
    ]);
    expect(sent.names).toEqual(['via', 'x-request-id']);
  });

  test('the upstream speaks neither for the gateway nor about its callers', () => {
    const sent = build(
      ['X-Request-ID', 'X-Consumer-Id', 'x-gateway-attempts', 'X-Forwarded-For', 'X-Credential-Id'].flatMap((name) => [
        name,
        'forged',
      ]),
    );
    expect(sent.raw).not.toContain('forged');
  });

  test('its rate-limit lines pass only where no limit of ours is announced', () => {
    const lines = [
      'X-RateLimit-Limit',
      '9',
      'x-ratelimit-remaining-tokens',
      '9',
      'RateLimit',
      'r',
      'RateLimit-Policy',
      'p',
    ];
    expect(build(lines).raw.slice(0, 8)).toEqual(lines);
    expect(build(lines, { isLimited: true }).names).toEqual(['via', 'x-request-id']);
  });

  test.each([204, 304])('%i carries no Content-Length', (status) => {
    expect(build(['Content-Length', '5'], { status }).has('content-length')).toBe(false);
  });

  test('event streams are marked so that no proxy in front holds them back', () => {
    for (const type of ['text/event-stream', 'Text/Event-Stream; charset=utf-8']) {
      expect(build(['X-Accel-Buffering', 'yes', 'Content-Type', type]).all('x-accel-buffering')).toEqual(['no']);
    }
    expect(build(['Content-Type', 'text/plain']).has('x-accel-buffering')).toBe(false);
    expect(build(['X-Accel-Buffering', 'yes']).all('x-accel-buffering')).toEqual(['yes']);
  });

  test('the route’s edits have the last word', () => {
    const response = { set: { Server: 'gw' }, add: { 'Set-Cookie': 'c=3' }, remove: ['x-powered-by', 'Via'] };
    const sent = build(['Server', 'nginx', 'Set-Cookie', 'a=1', 'X-Powered-By', 'PHP'], { response });
    expect(sent.raw).toEqual(['Set-Cookie', 'a=1', 'X-Request-Id', 'req_test', 'Server', 'gw', 'Set-Cookie', 'c=3']);
  });
});

describe('Location', () => {
  const located = (location: string, given: Case = {}): string | undefined =>
    build(['Location', location], { strippedPrefix: '/svc', ...given }).get('location');

  test.each([
    ['http://10.0.0.7:8080/a?b#c', 'http://gateway.test/svc/a?b#c'],
    ['HTTP://10.0.0.7:8080/', 'http://gateway.test/svc/'],
    ['http://10.0.0.7:8080', 'http://gateway.test/svc'],
    ['http://10.0.0.7:8080?q', 'http://gateway.test/svc?q'],
  ])('%s names the gateway and the prefix', (location, expected) => expect(located(location)).toBe(expected));

  test.each([
    '/login',
    'next',
    'https://10.0.0.7:8080/a',
    'http://10.0.0.7:80801/a',
    'http://10.0.0.7:8080.evil.test/a',
    'http://10.0.0.7:8080@evil.test/',
    'http://other.test/a',
    '//10.0.0.7:8080/a',
    '',
  ])('%j is left as it is', (location) => expect(located(location)).toBe(location));

  test('the target’s base path is taken off, and paths outside it are not ours to rename', () => {
    expect(located('http://10.0.0.7:8080/v1/a', { basePath: '/v1' })).toBe('http://gateway.test/svc/a');
    expect(located('http://10.0.0.7:8080/v1', { basePath: '/v1' })).toBe('http://gateway.test/svc');
    for (const outside of ['http://10.0.0.7:8080/v10/a', 'http://10.0.0.7:8080/x']) {
      expect(located(outside, { basePath: '/v1' })).toBe(outside);
    }
  });

  test('a route without a prefix never turns a double slash into another host', () => {
    expect(located('http://10.0.0.7:8080//evil.test/', { strippedPrefix: '' })).toBe('http://gateway.test//evil.test/');
    expect(located('http://10.0.0.7:8080', { strippedPrefix: '' })).toBe('http://gateway.test/');
  });

  test('behind a trusted proxy the client’s own scheme, host and prefix are named', () => {
    const headers = HeaderList.from(['X-Forwarded-Host', 'www.example', 'X-Forwarded-Prefix', '/api']);
    const edge: Partial<EdgeRequest> = { headers, isPeerTrusted: true, scheme: 'https' };
    expect(located('http://10.0.0.7:8080/a', { edge })).toBe('https://www.example/api/svc/a');
    expect(located('http://10.0.0.7:8080/a', { edge: { ...edge, isPeerTrusted: false } })).toBe(
      'https://gateway.test/svc/a',
    );
  });
});
