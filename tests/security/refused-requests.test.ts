// What is refused for its own fault counts like what is served, and what is long counts before it is read.
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connectRaw, type RawConnection, type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const CALLERS = ['json', 'model', 'right', 'route', 'size', 'value', 'half', 'long', 'honest', 'places'];

let provider: RawUpstream;
let gateway: TestGateway;
const open: RawConnection[] = [];

beforeAll(async () => {
  provider = await startRawUpstream(async (call) => {
    await call.received;
    if (call.request.target.includes('slow')) return;
    await call.answer(200, '{"choices":[]}', { 'Content-Type': 'application/json' });
  });
  const consumers = CALLERS.map((id) => {
    const models = id === 'right' ? ', models: [small]' : '';
    return `  - { id: ${id}, keys: [{ hash: "${hashOf(id)}"${models} }] }`;
  });
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, trust_proxy: [loopback] }
consumers:
${consumers.join('\n')}
services:
  ai:
    kind: llm
    url: "${provider.url}/v1"
    rate_limit: { limits: [{ limit: 5, window: 1h }] }
    models: { entries: { small: { unpriced: free }, big: { unpriced: free } } }
    body_limit: 1MiB
    concurrency: { limit: 3 }
  web:
    url: "${provider.url}"
    concurrency: { limit: 2, per: ip }
routes:
  - { name: ai, match: { path: "/ai/*" }, rewrite: { strip_prefix: /ai }, service: ai }
  - { name: guarded, match: { path: "/guarded/*" }, service: ai, authorize: { permissions: ["admin:do"] } }
  - { name: web, match: { path: "/web/*" }, service: web, auth: false }
`);
});
afterEach(() => {
  for (const connection of open.splice(0)) connection.destroy();
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

function hashOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function head(key: string, length: number, path = '/ai/v1/chat/completions'): string {
  const lines = [`POST ${path} HTTP/1.1`, 'Host: g', `X-API-Key: ${key}`, 'Content-Type: application/json'];
  return `${[...lines, `Content-Length: ${length}`].join('\r\n')}\r\n\r\n`;
}

const send = (key: string, body: string, path?: string): Promise<RawResponse> =>
  sendRaw(gateway.url, head(key, Buffer.byteLength(body), path) + body);
const ask = (model: string, content = 'hi') => JSON.stringify({ model, messages: [{ role: 'user', content }] });

async function statuses(times: number, work: () => Promise<RawResponse>): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) found.push((await work()).status);
  return found;
}

const CHAT = '/ai/v1/chat/completions';

test.each<[string, number, string, string, string]>([
  ['broken JSON', 400, 'json', '{', CHAT],
  ['an unknown model', 404, 'model', ask('nosuch'), CHAT],
  ['a model that is not allowed', 403, 'right', ask('big'), CHAT],
  ['a route that is not allowed', 403, 'route', ask('small'), '/guarded/chat/completions'],
  ['a body over the limit', 413, 'size', ask('small', 'x'.repeat(2 ** 20)), CHAT],
  ['a value of no use', 422, 'value', JSON.stringify({ model: 'small', messages: [] }), CHAT],
])('%s (%i) costs one request each time', async (_what, status, key, body, path) => {
  expect(await statuses(7, () => send(key, body, path))).toEqual([...Array<number>(5).fill(status), 429, 429]);
  expect((await send('honest', ask('nosuch'))).status).not.toBe(503);
});

describe('a long body', () => {
  test('costs before it is read, so that half-sent ones do not come free', async () => {
    for (let i = 0; i < 5; i++) {
      const connection = await connectRaw(gateway.url);
      connection.socket.on('error', () => undefined);
      await connection.send(head('half', 500_000) + ' '.repeat(70_000));
      connection.destroy();
    }
    expect((await send('half', ask('small'))).status).toBe(429);
  });

  test('costs one, whether it is served or refused', async () => {
    expect((await send('long', ask('small', 'x'.repeat(200_000)))).status).toBe(200);
    expect((await send('long', ask('nosuch', 'x'.repeat(400_000)))).status).toBe(404);
    expect(await statuses(4, () => send('long', ask('small')))).toEqual([200, 200, 200, 429]);
  });

  test('takes a place before it is read', async () => {
    for (let i = 0; i < 3; i++) {
      const connection = await connectRaw(gateway.url);
      connection.socket.on('error', () => undefined);
      open.push(connection);
      await connection.send(head('places', 500_000) + ' '.repeat(70_000));
    }
    const refused = await send('places', ask('small'));
    expect([refused.status, refused.text]).toEqual([429, expect.stringContaining('At most 3 requests')]);
    for (const connection of open.splice(0)) connection.destroy();
  });
});

test('places per address count IPv6 by /64, and addresses beside it are served', async () => {
  const get = (address: string) => `GET /web/slow HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: ${address}\r\n\r\n`;
  for (const last of ['1', '2', '3']) {
    const connection = await connectRaw(gateway.url);
    connection.socket.on('error', () => undefined);
    open.push(connection);
    await connection.send(get(`2001:db8:9:9::${last}`));
  }
  const [, , third] = open;
  expect((await (third as RawConnection).read()).status).toBe(429);
  const other = await sendRaw(gateway.url, get('2001:db8:9:a::1').replace('/slow', '/quick'));
  expect(other.status).toBe(200);
});
