import { createServer, type Server } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { isReservedPattern } from '../../src/config/own-paths.ts';
import type { Plane } from '../../src/edge/plane.ts';
import { buildConnection } from '../support/exchange-builder.ts';
import { connectRaw } from '../support/raw-client.ts';
import { makeGateways, MASTER_KEY, type TestGateway } from '../support/start-gateway.ts';

const start = makeGateways();
const LISTEN = `
settings:
  listen: { host: 127.0.0.1, port: 0 }
  shutdown: { grace: 0s, drain: 1s, flush: 1s }
`;
const ADMIN_SOCKET = `${LISTEN}  admin: { listen: { port: 0 } }\n`;
const CATCH_ALL = `routes:\n  - { name: all, match: { path: '/*' }, respond: { body: caught } }\n`;

/** A socket that shows one plane of the gateway. */
function on({ gateway }: TestGateway, plane: Plane): Server {
  return createServer((req, res) => gateway.handle(req, res, buildConnection(req.socket), plane));
}

describe('where endpoints are served', () => {
  test('every endpoint stands on a path that no route may take', () => {
    const paths = ENDPOINTS.flatMap(({ path, aliases }) => [path, ...aliases]);
    expect(paths.filter((path) => !isReservedPattern(path, false))).toEqual([]);
  });

  test('a route for everything gets nothing of what is reserved', async () => {
    const { url } = await start(LISTEN + CATCH_ALL);
    const reserved = ['/admin/x', '/admin', '/v1/auth/x', '/api/v1/auth'];
    for (const path of [...reserved, '/docs', '/docs/a', '/redoc', '/openapi.json']) {
      const res = await request(url).get(path);
      expect([path, res.status, res.body.code]).toEqual([path, 404, 'NOT_FOUND']);
    }
    expect((await request(url).get('/elsewhere')).text).toBe('caught');
  });

  test('administration leaves the public socket when it has one of its own', async () => {
    const gateway = await start(ADMIN_SOCKET + CATCH_ALL);
    for (const path of ['/admin/services', '/metrics', '/api/v1/health/detailed']) {
      expect((await request(gateway.url).get(path).set('X-Master-Key', MASTER_KEY)).status).toBe(404);
      expect((await request(on(gateway, 'admin')).get(path).set('X-Master-Key', MASTER_KEY)).status).toBe(200);
    }
    for (const path of ['/health', '/api/v1/health', '/ready']) {
      expect((await request(gateway.url).get(path)).status).toBe(200);
      expect((await request(on(gateway, 'admin')).get(path)).status).toBe(200);
    }
    expect((await request(on(gateway, 'admin')).get('/')).status).toBe(404);
  });

  test('a reload cannot bring administration back to the public socket', async () => {
    const gateway = await start(ADMIN_SOCKET);
    const { settings } = gateway.gateway.config;
    gateway.gateway.apply({ ...gateway.gateway.config, settings: { ...settings, admin: { metrics_access: 'open' } } });
    expect((await request(gateway.url).get('/admin/services').set('X-Master-Key', MASTER_KEY)).status).toBe(404);
    expect((await request(gateway.url).get('/metrics')).status).toBe(404);
  });

  test('the metrics socket shows metrics and nothing else', async () => {
    const gateway = await start(LISTEN);
    expect((await request(on(gateway, 'metrics')).get('/metrics')).status).toBe(200);
    for (const path of ['/', '/health', '/ready', '/admin/services']) {
      expect((await request(on(gateway, 'metrics')).get(path).set('X-Master-Key', MASTER_KEY)).status).toBe(404);
    }
  });

  test('paths are told apart by case and by a final slash', async () => {
    const { url } = await start(LISTEN);
    for (const path of ['/Health', '/health/', '/admin/Services', '/admin/services/']) {
      expect((await request(url).get(path).set('X-Master-Key', MASTER_KEY)).status).toBe(404);
    }
  });
});

describe('every endpoint', () => {
  test('answers HEAD like GET without a body, 204 with Allow to OPTIONS, and 405 with Allow otherwise', async () => {
    const { url } = await start(LISTEN);
    const [got, head] = [await request(url).get('/ready'), await request(url).head('/ready')];
    expect(head.status).toBe(200);
    expect(head.headers['content-length']).toBe(got.headers['content-length']);
    const options = await request(url).options('/admin/keys');
    expect([options.status, options.headers['allow'], options.text]).toEqual([204, 'POST, GET, HEAD, OPTIONS', '']);
    const posted = await request(url).post('/ready');
    expect([posted.status, posted.body.code, posted.headers['allow']]).toEqual([
      405,
      'METHOD_NOT_ALLOWED',
      'GET, HEAD, OPTIONS',
    ]);
  });

  test('carries security headers, forbids caching and names the request, errors included', async () => {
    const { url } = await start(LISTEN);
    for (const path of ['/health', '/admin/keys', '/admin/nothing']) {
      const { headers } = await request(url).get(path).set('X-Request-Id', 'mine-1');
      expect(headers).toMatchObject({
        'x-request-id': 'mine-1',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'cache-control': 'no-store',
      });
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('etag');
    }
  });

  test('answers errors in the dialect of the settings', async () => {
    const { url } = await start(`${LISTEN}  dialect: simple\n`);
    const res = await request(url).get('/admin/nothing');
    expect(res.body).toEqual({
      error: 'Nothing is served here',
      detail: 'The gateway has no such endpoint.',
      code: 'NOT_FOUND',
    });
  });

  test('is logged with exactly one line, without query and credential, and counted as the gateway', async () => {
    const { url, logged } = await start(LISTEN);
    await request(url).get('/admin/keys?cursor=private').set('X-Master-Key', 'guessed').set('X-Request-Id', 'one');
    const { text } = await request(url).get('/metrics');
    const lines = logged.filter((line) => line['request_id'] === 'one');
    expect(lines).toEqual([expect.objectContaining({ path: '/admin/keys', status: 401, service: 'gateway' })]);
    expect(JSON.stringify(logged)).not.toMatch(/private|guessed/);
    expect(text).toContain('gateway_requests_total{service="gateway",method="GET",status="401"} 1');
    expect(text).toContain('gateway_errors_total{service="gateway",code="INVALID_CREDENTIAL"} 1');
  });

  test('refuses an escape in the path that is not UTF-8', async () => {
    const { url } = await start(LISTEN);
    const res = await request(url).get('/admin/keys/%FF').set('X-Master-Key', MASTER_KEY);
    expect([res.status, res.body.code]).toEqual([400, 'INVALID_PATH']);
  });
});

describe('a body', () => {
  const post = (url: string, type: string, body: string | Buffer) =>
    request(url).post('/admin/keys').set('X-Master-Key', MASTER_KEY).set('Content-Type', type).send(body);
  const JSON_TYPE = 'application/json';

  test('must be a JSON object in UTF-8', async () => {
    const { url } = await start(LISTEN);
    for (const text of ['{', '[]', '"x"', 'null', '{"owner":"a"', '{"__proto__":{"owner":"a"}}']) {
      const res = await post(url, JSON_TYPE, text);
      expect([text, res.status, res.body.code]).toEqual([text, 400, 'VALIDATION_ERROR']);
    }
    const latin1 = await post(url, JSON_TYPE, Buffer.from('{"owner":"é"}', 'latin1')).serialize((body) => body);
    expect(latin1.status).toBe(400);
  });

  test('of another type, charset or encoding is 415', async () => {
    const { url } = await start(LISTEN);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])
      expect((await post(url, type, '{"owner":"a"}')).status).toBe(415);
    expect((await post(url, JSON_TYPE, '{"owner":"a"}').set('Content-Encoding', 'gzip')).status).toBe(415);
    expect((await post(url, 'application/json; charset=UTF-8', '{"owner":"a"}')).status).toBe(201);
  });

  test('of more than 64 KiB is 413, announced or not, and not read to its end', async () => {
    const { url } = await start(LISTEN);
    const client = await connectRaw(url);
    const head = `POST /admin/keys HTTP/1.1\r\nHost: a\r\nX-Master-Key: ${MASTER_KEY}\r\nContent-Type: application/json\r\n`;
    await client.send(`${head}Content-Length: 1000000\r\n\r\n{`);
    expect((await client.read()).status).toBe(413);
    client.destroy();
    const chunked = await connectRaw(url);
    await chunked.send(`${head}Transfer-Encoding: chunked\r\n\r\n10001\r\n${'x'.repeat(0x10001)}\r\n`);
    expect((await chunked.read()).status).toBe(413);
    chunked.destroy();
  });

  test('is asked for only when the caller may send it', async () => {
    const { url } = await start(LISTEN);
    const head =
      'POST /admin/keys HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 13\r\nExpect: 100-continue\r\n';
    const stranger = await connectRaw(url);
    await stranger.send(`${head}\r\n`);
    const refused = await stranger.read();
    expect([refused.status, refused.interim]).toEqual([401, []]);
    stranger.destroy();
    const admin = await connectRaw(url);
    await admin.send(`${head}X-Master-Key: ${MASTER_KEY}\r\n\r\n`);
    expect(await admin.readThrough('\r\n\r\n')).toContain('100 Continue');
    await admin.send('{"owner":"a"}');
    expect((await admin.read()).status).toBe(201);
    admin.destroy();
  });
});

describe('the master key', () => {
  test('is needed, and the one before is accepted beside it', async () => {
    const env = { MASTER_KEY, MASTER_KEY_PREVIOUS: 'mk_the-key-before-that' };
    const { url } = await start(LISTEN, { env });
    const ask = (key: string) => request(url).get('/admin/services').set('X-Master-Key', key);
    expect((await ask(MASTER_KEY)).status).toBe(200);
    expect((await ask('mk_the-key-before-that')).status).toBe(200);
    expect((await ask(`${MASTER_KEY}x`)).body.code).toBe('INVALID_CREDENTIAL');
    const none = await request(url).get('/admin/services');
    expect([none.status, none.body.code]).toEqual([401, 'MISSING_CREDENTIAL']);
    expect(none.headers['www-authenticate']).toBe('X-Master-Key realm="turnpike"');
  });

  test('can be guessed as often as the rule allows, then 429; the right one always passes', async () => {
    const { url } = await start(`${LISTEN}  failed_auth: { limit: 2, window: 60s }\n`);
    const ask = (key: string) => request(url).get('/admin/services').set('X-Master-Key', key);
    expect([(await ask('a')).status, (await ask('b')).status]).toEqual([401, 401]);
    const third = await ask('c');
    expect(third.status).toBe(429);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask(MASTER_KEY)).status).toBe(200);
  });

  test('that is not configured switches administration off with 503 and the reason', async () => {
    const { url } = await start(LISTEN, { env: {} });
    const res = await request(url).get('/admin/services').set('X-Master-Key', 'any');
    expect(res.status).toBe(503);
    expect(res.body.detail).toContain('MASTER_KEY');
  });
});
