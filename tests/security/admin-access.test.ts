// Administration without the right master key, however it is asked for and on whatever socket.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { findFreePort } from '../support/free-port.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let shared: TestGateway;
let apart: TestGateway;
let metricsUrl: string;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const [adminPort, metricsPort] = [await findFreePort(), await findFreePort()];
  metricsUrl = `http://127.0.0.1:${metricsPort}`;
  const services = `
services:
  open: { url: "${upstream.url}", auth: false }
routes:
  - { name: tenant, match: { path: /*, hosts: [tenant.test, "*.tenant.test"] }, service: open, auth: false }
`;
  const failures = 'failed_auth: { limit: 100000, window: 1m }';
  shared = await startTestGateway(`settings: { ${QUICK_SHUTDOWN}, ${failures} }\n${services}`);
  apart = await startTestGateway(
    `settings: { ${QUICK_SHUTDOWN}, ${failures}, admin: { listen: { host: 127.0.0.1, port: ${adminPort} } }, metrics: { port: ${metricsPort} } }\n${services}`,
  );
});
afterAll(async () => {
  await shared.close();
  await apart.close();
  await upstream.close();
});

const GUARDED = ENDPOINTS.filter(({ path }) => path.startsWith('/admin') || path.endsWith('/detailed'));
const ADDRESSES = GUARDED.flatMap(({ method, path, aliases }) =>
  [path, ...aliases].map((address) => [method, address.replaceAll(/:\w+/g, 'x')] as const),
);

/** Every address in ways that some server takes for the same. */
const SPELLINGS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => `${path}/`,
  (path) => path.toUpperCase(),
  (path) => path.replace('a', '%61'),
  (path) => `/${path}`,
  (path) => path.replace('/', '/./'),
  (path) => path.replace('/', '/open/../'),
  (path) => path.replace('/', '/open/%2e%2e/'),
  (path) => path.replace('/', '/open/..%2f'),
  (path) => path.replace('/', '/%2f'),
  (path) => path.replace('/', '/\\'),
  (path) => path.replace(/^\/(\w+)/, '/$1;x=1'),
  (path) => path.replace(/^\/(\w+)/, '/$1%00'),
  (path) => `/;${path}`,
  (path) => `http://g${path}`,
  (path) => `${path}?x_master_key=${MASTER_KEY}&X-Master-Key=${MASTER_KEY}`,
];

const WRONG = [
  '',
  'X-Master-Key: \r\n',
  'X-Master-Key: wrong\r\n',
  `X-Master-Key: ${MASTER_KEY}x\r\n`,
  `X-Master-Key: ${MASTER_KEY.slice(0, -1)}\r\n`,
  `X-Master-Key: ${MASTER_KEY.toUpperCase()}\r\n`,
  `X-Master-Key: ${API_KEY}\r\n`,
  `X-Master-Key: ${MASTER_KEY}, ${MASTER_KEY}\r\n`,
  `X_Master_Key: ${MASTER_KEY}\r\n`,
  `X-API-Key: ${MASTER_KEY}\r\n`,
  `Authorization: Bearer ${MASTER_KEY}\r\n`,
  `Cookie: X-Master-Key=${MASTER_KEY}\r\n`,
  `Connection: X-Master-Key\r\nX-Master-Key: wrong\r\n`,
];

/** The statuses of all requests, asked for over a few connections. */
async function statusesOf(url: string, requests: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (let start = 0; start < requests.length; start += 50) {
    for (const bytes of requests.slice(start, start + 50)) statuses.push((await sendRaw(url, bytes)).status);
  }
  return statuses;
}

const ask = (method: string, target: string, lines: string, host = 'g'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n${lines}\r\n`;

test.each(['g', 'tenant.test', 'a.tenant.test:80', 'TENANT.TEST', 'tenant.test.'])(
  'no spelling of an address lets anybody in without the master key, on host %s',
  async (host) => {
    const before = upstream.requests.length;
    const requests = ADDRESSES.flatMap(([method, path]) =>
      SPELLINGS.map((spell) => ask(method, spell(path).replace('http://g', `http://${host}`), '', host)),
    );
    const statuses = await statusesOf(shared.url, requests);
    const isTenant = /^(a\.)?tenant\.test\.?(:80)?$/i.test(host);
    expect(statuses.filter((status) => status < 400).length).toBe(upstream.requests.length - before);
    if (!isTenant) expect(upstream.requests.length).toBe(before);
    const seen = upstream.requests.slice(before).map(({ target }) => target);
    expect(seen.filter((target) => /^\/*admin/.test(target.replace(/;[^/]*/g, '')))).toEqual([]);
  },
  30_000,
);

test('nothing but the master key in its own header is the master key', async () => {
  const requests = ADDRESSES.flatMap(([method, path]) => WRONG.map((lines) => ask(method, path, lines)));
  expect(new Set(await statusesOf(shared.url, requests))).toEqual(new Set([401]));
});

test('two master keys are refused, also when both are right', async () => {
  const line = `X-Master-Key: ${MASTER_KEY}\r\n`;
  expect(await statusesOf(shared.url, [ask('GET', '/admin/keys', `${line}x-master-key: ${MASTER_KEY}\r\n`)])).toEqual([
    400,
  ]);
});

describe('with a socket of its own', () => {
  test('administration is nowhere on the public and the metrics socket, whatever the key', async () => {
    const key = `X-Master-Key: ${MASTER_KEY}\r\n`;
    const requests = ADDRESSES.map(([method, path]) => ask(method, path, key));
    expect(new Set(await statusesOf(apart.url, requests))).toEqual(new Set([404]));
    expect(new Set(await statusesOf(metricsUrl, requests))).toEqual(new Set([404]));
  });

  test('the metrics socket serves no route, on no host', async () => {
    const before = upstream.requests.length;
    for (const host of ['g', 'tenant.test']) {
      expect(await statusesOf(metricsUrl, [ask('GET', '/open/x', '', host), ask('GET', '/x', '', host)])).toEqual([
        404, 404,
      ]);
    }
    expect(upstream.requests.length).toBe(before);
  });

  test('the public socket does not show metrics', async () => {
    expect(await statusesOf(apart.url, [ask('GET', '/metrics', `X-Master-Key: ${MASTER_KEY}\r\n`)])).toEqual([404]);
  });
});

describe('a body for administration', () => {
  const post = async (path: string, body: string, method = 'POST') => {
    const lines = `X-Master-Key: ${MASTER_KEY}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    return sendRaw(shared.url, `${method} ${path} HTTP/1.1\r\nHost: g\r\n${lines}\r\n${body}`);
  };

  test.each([
    '{"owner":"eve","id":"chosen"}',
    '{"owner":"eve","hash":"00"}',
    '{"owner":"eve","consumer_id":"root"}',
    '{"owner":"eve","api_key":"sk_live_mine"}',
    '{"owner":"eve","created_at":0}',
    '{"owner":"eve","revoked_at":null,"permissions":["*"]}',
    '{"__proto__":{"owner":"eve"}}',
    '{"owner":"eve","__proto__":{"tier":"gold"}}',
    '{"owner":"eve","rate_limit":{"__proto__":{"limits":[]}}}',
    '{"owner":"eve","constructor":{"prototype":{"tier":"gold"}}}',
    '{"owner":"eve","prototype":{}}',
    '{"owner":"eve","toString":"x"}',
    '{"owner":{"$ne":null}}',
    '{"owner":["eve"]}',
    '[{"owner":"eve"}]',
    '"eve"',
    '{"owner":"eve","scopes":["a"],"scopes":[["b"]]}',
  ])('%s issues nothing and names the mistake', async (body) => {
    expect(await post('/admin/keys', body)).toMatchObject({ status: 400 });
    expect(({} as Record<string, unknown>)['tier']).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test.each([1_000, 3_000, 10_000, 30_000])('nested %i deep is refused, and harms nobody', async (depth) => {
    const deep = '{"owner":"eve","scopes":' + '['.repeat(depth) + ']'.repeat(depth) + '}';
    expect(await post('/admin/keys', deep)).toMatchObject({ status: 400 });
    const deepObject = `{"owner":"eve","rate_limit":${'{"a":'.repeat(depth / 3)}1${'}'.repeat(depth / 3)}}`;
    expect(await post('/admin/keys', deepObject)).toMatchObject({ status: 400 });
  });

  test('with thousands of unknown keys is refused in an answer of modest size', async () => {
    const fields = Array.from({ length: 3_000 }, (_, i) => `"unknown_${i}":1`).join(',');
    const answer = await post('/admin/keys', `{"owner":"eve",${fields}}`);
    expect(answer.status).toBe(400);
    expect(answer.body.length).toBeLessThan(4_096);
  });

  test.each(["x' OR '1'='1", 'x"; DROP TABLE api_keys; --', 'x%00', '../../etc/passwd', '__proto__', 'constructor'])(
    'and an id of %j finds nothing and breaks nothing',
    async (id) => {
      const path = `/admin/keys/${encodeURIComponent(id).replaceAll("'", '%27').replaceAll('*', '%2A')}`;
      for (const method of ['GET', 'DELETE']) {
        expect([400, 404]).toContain((await post(path, '', method)).status);
      }
      expect(await post('/admin/keys', '{"owner":"honest"}')).toMatchObject({ status: 201 });
    },
  );
});

test('a client that sends garbage to every endpoint leaves it working', async () => {
  const bytes = [
    '\0',
    '\r\n\r\n',
    'GET',
    'GET / HTTP/1.1\r\n',
    'POST /admin/keys HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\n{',
  ];
  for (const part of bytes) {
    const connection = await connectRaw(shared.url);
    await connection.send(part);
    connection.destroy();
  }
  expect(await sendRaw(shared.url, ask('GET', '/health', ''))).toMatchObject({ status: 200 });
});
