// What a client may make the upstream believe, asked of a whole gateway with the lines recorded at the upstream.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

type ReceivedRequest = RawUpstream['requests'][number];

let upstream: RawUpstream;
let gateway: TestGateway;
let trusting: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const services = `
services:
  open: { url: "${upstream.url}", auth: false }
  posts: { url: "${upstream.url}", auth: false }
  keyed: { url: "${upstream.url}" }
  local: { url: "${upstream.url}", auth: false, ip: { allow: ["127.0.0.1"] } }
  edited: { url: "${upstream.url}", auth: false, headers: { request: { set: { X-Tenant: ours }, remove: [X-Debug] } } }
  strict: { url: "${upstream.url}", auth: false, headers: { underscores: refuse } }
  paid: { targets: [{ url: "${upstream.url}", api_key: "\${UPSTREAM_KEY}" }], auth: false }
routes:
  - { name: post-only, match: { path: /post-only, methods: [POST] }, service: posts, auth: false, cors: ["https://app.test"] }
`;
  const options = { env: { UPSTREAM_KEY: 'upstream-key-of-the-tests' } };
  gateway = await startTestGateway(`settings: { ${QUICK_SHUTDOWN} }\n${services}`, options);
  trusting = await startTestGateway(`settings: { ${QUICK_SHUTDOWN}, trust_proxy: [127.0.0.1] }\n${services}`, options);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await trusting.close();
  await upstream.close();
});

/** What arrives at the upstream for these lines. */
async function receivedFor(path: string, lines: readonly string[], from = gateway): Promise<ReceivedRequest> {
  const head = [`GET ${path} HTTP/1.1`, 'Host: g.test', ...lines, '', ''].join('\r\n');
  expect(await sendRaw(from.url, head)).toMatchObject({ status: 200 });
  return upstream.requests.at(-1) as ReceivedRequest;
}

const IDENTITY = ['X-Consumer-Id', 'X-Consumer-Tier', 'X-Consumer-Custom', 'X-Credential-Id', 'X-Authenticated-Userid'];
const FORWARDING = [
  ...['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Prefix'],
  ...['X-Forwarded-User', 'Forwarded', 'X-Real-IP', 'True-Client-IP', 'CF-Connecting-IP', 'X-Client-IP'],
  ...['X-Original-URL', 'X-Rewrite-URL', 'X-Original-Host'],
];
/** A name as a forger writes it. */
const SPELLINGS: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.toLowerCase(),
  (name) => name.replaceAll('-', '_'),
  (name) => name.replace('-', '_'),
  (name) => name.toUpperCase().replaceAll('-', '_'),
];
const forge = (names: readonly string[]): string[] =>
  SPELLINGS.flatMap((spell) => names.map((name) => `${spell(name)}: forged`));

describe('whatever its spelling, a header that tells', () => {
  test.each(['/open/x', '/keyed/x'])('who calls is the gateway’s alone on %s', async (path) => {
    const { head, headers } = await receivedFor(path, [...forge(IDENTITY), `X-API-Key: ${API_KEY}`]);
    expect(head.toString()).not.toContain('forged');
    expect(headers.all('x-consumer-id')).toEqual(path === '/keyed/x' ? ['dev_user'] : []);
  });

  test('where a request comes from is the gateway’s alone', async () => {
    const { head, headers } = await receivedFor('/open/x', forge(FORWARDING.slice(0, 7)));
    expect(head.toString()).not.toContain('forged');
    const rest = await receivedFor('/open/x', forge(FORWARDING.slice(7)));
    expect(rest.head.toString()).not.toContain('forged');
    expect(headers.all('x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(headers.all('x-forwarded-proto')).toEqual(['http']);
    expect(headers.all('x-forwarded-host')).toEqual(['g.test']);
  });

  test('what the route sets or removes is the route’s alone', async () => {
    const { head, headers } = await receivedFor('/edited/x', forge(['X-Tenant', 'X-Debug']));
    expect(head.toString()).not.toContain('forged');
    expect(headers.all('x-tenant')).toEqual(['ours']);
  });

  test('the upstream who pays is the gateway’s alone', async () => {
    const { headers } = await receivedFor('/paid/x', ['AUTHORIZATION: Bearer forged']);
    expect(headers.all('authorization')).toEqual(['Bearer upstream-key-of-the-tests']);
  });
});

test('an underscore where the route refuses them is 400', async () => {
  const head = 'GET /strict/x HTTP/1.1\r\nHost: g\r\nX_Anything: a\r\n\r\n';
  expect(await sendRaw(gateway.url, head)).toMatchObject({ status: 400 });
});

test('Connection cannot take away what the gateway adds', async () => {
  const names = [
    'X-Consumer-Id',
    'X-Forwarded-For',
    'X-Request-Id',
    'Via',
    'Host',
    'Content-Length',
    'X-Forwarded-Proto',
  ];
  const lines = [`Connection: ${names.join(', ')}`, 'connection: x-named', 'X-Named: forged', `X-API-Key: ${API_KEY}`];
  const { head, headers } = await receivedFor('/keyed/x', lines);
  expect(head.toString()).not.toContain('forged');
  for (const name of ['x-consumer-id', 'x-forwarded-for', 'x-request-id', 'via', 'host', 'x-forwarded-proto'])
    expect(headers.all(name)).toHaveLength(1);
});

describe('credentials of the gateway', () => {
  test('never cross: neither the key that authenticated nor the master key', async () => {
    const lines = [`X-API-Key: ${API_KEY}`, `X-Master-Key: ${MASTER_KEY}`, `X_Master_Key: ${MASTER_KEY}`];
    const { head } = await receivedFor('/keyed/x', lines);
    expect(head.toString()).not.toContain(API_KEY);
    expect(head.toString()).not.toContain(MASTER_KEY);
  });

  test('as a bearer token never cross either', async () => {
    const { head } = await receivedFor('/keyed/x', [`Authorization: Bearer ${API_KEY}`]);
    expect(head.toString()).not.toContain(API_KEY);
  });
});

describe('a client address', () => {
  const statusFrom = async (from: TestGateway, forwardedFor: string): Promise<number> => {
    const lines = forwardedFor.split('|').map((value) => `X-Forwarded-For: ${value}\r\n`);
    return (await sendRaw(from.url, `GET /local/x HTTP/1.1\r\nHost: g\r\n${lines.join('')}\r\n`)).status;
  };

  test('is the peer’s own whatever it claims, unless the peer is trusted', async () => {
    for (const claim of ['10.0.0.1', '10.0.0.1, 127.0.0.1', '::1']) expect(await statusFrom(gateway, claim)).toBe(200);
  });

  test('behind a trusted peer is the first untrusted one from the right, over all lines', async () => {
    expect(await statusFrom(trusting, '127.0.0.1, 10.0.0.1')).toBe(403);
    expect(await statusFrom(trusting, '127.0.0.1|10.0.0.1')).toBe(403);
    expect(await statusFrom(trusting, '10.0.0.1, ::ffff:127.0.0.1')).toBe(403);
    expect(await statusFrom(trusting, '10.0.0.1, garbage')).toBe(200);
    expect(await statusFrom(trusting, Array.from({ length: 1_000 }, () => '127.0.0.1').join(','))).toBe(200);
  });
});

describe('methods', () => {
  test.each(['X-HTTP-Method-Override: POST', 'X-HTTP-Method: POST', 'Access-Control-Request-Method: POST'])(
    '%s does not lead to a route of another method',
    async (line) => {
      const before = upstream.requests.length;
      for (const method of ['GET', 'OPTIONS']) {
        const head = `${method} /post-only HTTP/1.1\r\nHost: g\r\n${line}\r\n\r\n`;
        expect(await sendRaw(gateway.url, head)).toMatchObject({ status: 405 });
      }
      expect(upstream.requests.length).toBe(before);
    },
  );
});

test('an id that could be mistaken for anything else is replaced', async () => {
  for (const id of ['a b', 'a"b', '<a>', 'a'.repeat(129), 'a,b', 'é', '../a']) {
    const { headers } = await receivedFor('/open/x', [`X-Request-Id: ${id}`]);
    expect(headers.all('x-request-id')).toEqual([expect.stringMatching(/^req_[0-9a-f]{24}$/)]);
  }
  const twice = await receivedFor('/open/x', ['X-Request-Id: a', 'X-Request-Id: b']);
  expect(twice.headers.get('x-request-id')).toMatch(/^req_/);
});
