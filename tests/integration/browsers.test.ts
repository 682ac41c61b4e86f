// What a page in a browser needs of the gateway: cross-origin access everywhere but administration, readable headers on
// refusals, and the headers that make browsers careful. tests/acceptance/browser.long.ts asks a real browser.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const APP = 'https://app.example';
let upstream: Server;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = createServer((req, res) => {
    if (req.url === '/own') res.setHeader('X-Frame-Options', 'SAMEORIGIN');
    res.end('ok');
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, accounts: { signup: open } }
auth: { jwt: { own: { secret: "a-secret-of-the-tests-with-32-bytes-or-more" } } }
defaults: { cors: ["${APP}"], security_headers: true }
services:
  page: { url: "${url}", headers: { response: { set: { X-Team: edge }, remove: [Server] } } }
  once: { url: "${url}", rate_limit: { limits: [{ limit: 1, window: 1h, algorithm: fixed_window }] } }
  plain: { url: "${url}", security_headers: false, cors: false }
`);
});
afterAll(async () => {
  await gateway.stop();
  upstream.close();
});

const ask = (
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
) => fetch(gateway.url + path, { method, headers: { origin: APP, 'x-api-key': API_KEY, ...headers } });

const preflight = (path: string, origin = APP) =>
  fetch(gateway.url + path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
  });

describe("the gateway's own endpoints", () => {
  test.each(['/v1/auth/signup', '/v1/auth/login', '/api/v1/auth/refresh', '/v1/usage', '/v1/auth/api-keys', '/health'])(
    '%s may be called from the configured origin and from no other',
    async (path) => {
      const res = await preflight(path);
      expect(res.status).toBe(204);
      expect(res.headers.get('access-control-allow-origin')).toBe(APP);
      expect((await preflight(path, 'https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
      const answer = await ask(path, { method: path === '/health' ? 'GET' : 'POST' });
      expect(answer.headers.get('access-control-allow-origin')).toBe(APP);
      expect(answer.headers.get('access-control-expose-headers')).toContain('Retry-After');
    },
  );

  test.each(['/admin/keys', '/admin/generate_key', '/admin'])('%s is for no page', async (path) => {
    expect((await preflight(path)).headers.get('access-control-allow-origin')).toBeNull();
    const res = await ask(path, { headers: { 'x-master-key': MASTER_KEY } });
    expect(res.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('do not ask for HTTPS over plain HTTP', async () => {
    expect((await ask('/health')).headers.get('strict-transport-security')).toBeNull();
  });
});

describe('routes', () => {
  test('a page can read why it was refused and for how long', async () => {
    await ask('/once/a');
    const res = await ask('/once/a');
    expect(res.status).toBe(429);
    const exposed = (res.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(', ');
    for (const name of ['retry-after', 'x-ratelimit-remaining', 'x-request-id']) {
      expect(exposed).toContain(name);
      expect(res.headers.has(name)).toBe(true);
    }
  });

  test.each([
    ['an answer of the upstream', '/page/x', API_KEY, 200],
    ['a refusal of the gateway', '/page/x', 'wrong', 401],
  ])('%s carries the configured response headers and the careful ones', async (_what, path, key, status) => {
    const res = await ask(path, { headers: { 'x-api-key': key } });
    expect(res.status).toBe(status);
    expect(res.headers.get('x-team')).toBe('edge');
    expect(res.headers.get('x-content-type-options')).toBe('nosniff');
    expect(res.headers.get('x-frame-options')).toBe('DENY');
    expect(res.headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
    expect(res.headers.get('strict-transport-security')).toBeNull();
  });

  test('what the upstream says itself stays, and a route can be left out', async () => {
    expect((await ask('/page/own')).headers.get('x-frame-options')).toBe('SAMEORIGIN');
    const plain = await ask('/plain/x');
    expect(plain.headers.get('x-frame-options')).toBeNull();
    expect(plain.headers.get('access-control-allow-origin')).toBeNull();
  });
});
