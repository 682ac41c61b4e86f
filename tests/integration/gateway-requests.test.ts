import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, rate_period: 60s }
services:
  plain: { url: "${upstream.url}/base" }
  counted: { url: "${upstream.url}", rate_limit: 2 }
  small: { url: "${upstream.url}", body_limit: 10 }
  open: { url: "${upstream.url}", auth: false }
  named: { url: "${upstream.url}" }
  hosted: { url: "${upstream.url}", auth: false }
routes:
  - { name: named, match: { path: /v2/things/:id, methods: [GET, POST] }, service: named, cors: [https://app.test], rewrite: { path: /things/:id } }
  - { name: moved, match: { path: /old/* }, redirect: { to: /new/* } }
  - { name: tenant, match: { path: /*, hosts: [tenant.test] }, service: hosted }
  - { name: gone, match: { path: /gone }, respond: { status: 410, body: "gone\\n" } }
`);
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

function request(path: string, more = '', method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: gateway.test\r\nX-API-Key: ${API_KEY}\r\n${more}\r\n`;
}

describe('a proxied request', () => {
  test('loses its prefix, keeps the base path and the query, and carries who calls instead of the key', async () => {
    upstream.play(answerOk);
    const answer = await sendRaw(gateway.url, request('/plain/a%7Eb?x=%2F&y', 'X-Consumer-Id: forged\r\n'));
    expect(answer).toMatchObject({ status: 200, text: 'ok' });
    const received = upstream.requests.at(-1);
    expect(received?.target).toBe('/base/a~b?x=%2F&y');
    expect(received?.headers.all('x-api-key')).toEqual([]);
    expect(received?.headers.get('x-consumer-id')).toBe('dev_user');
    expect(received?.headers.get('x-forwarded-prefix')).toBe('/plain');
    expect(received?.headers.get('x-request-id')).toBe(answer.headers.get('x-request-id'));
  });

  test('is rewritten by its route', async () => {
    await sendRaw(gateway.url, request('/v2/things/7?q'));
    expect(upstream.requests.at(-1)?.target).toBe('/things/7?q');
  });

  test('without a key is 401 and makes no upstream call', async () => {
    const before = upstream.requests.length;
    const answer = await sendRaw(gateway.url, 'GET /plain/x HTTP/1.1\r\nHost: g\r\n\r\n');
    expect(answer).toMatchObject({ status: 401 });
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'MISSING_CREDENTIAL', status: 401 });
    expect(upstream.requests.length).toBe(before);
  });

  test('needs no key where auth is false', async () => {
    expect(await sendRaw(gateway.url, 'GET /open HTTP/1.1\r\nHost: g\r\n\r\n')).toMatchObject({ status: 200 });
  });

  test('past the limit is 429 with the wait, and the upstream sees only what was admitted', async () => {
    const before = upstream.requests.length;
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await sendRaw(gateway.url, request('/counted/x')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('x-ratelimit-remaining'))).toEqual(['1', '0', '0']);
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(upstream.requests.length).toBe(before + 2);
  });

  test('whose connection the upstream drops is 502 in the route’s dialect', async () => {
    upstream.play((call) => call.reset());
    const answer = await sendRaw(gateway.url, request('/plain/x', '', 'POST'));
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'UPSTREAM_ERROR', status: 502 });
    upstream.play(answerOk);
  });
});

describe('bodies', () => {
  test('one that announces too much is 413 before it is read, and the connection closes', async () => {
    const client = await connectRaw(gateway.url);
    await client.send(request('/small/x', 'Content-Length: 100000000\r\n', 'POST'));
    const answer = await client.read();
    expect(answer).toMatchObject({ status: 413 });
    expect(answer.headers.get('connection')).toBe('close');
    expect(await client.closed).toBe('fin');
  });

  test('a chunked one is 413 at the limit', async () => {
    upstream.play(() => {});
    const answer = await sendRaw(
      gateway.url,
      request('/small/x', 'Transfer-Encoding: chunked\r\n', 'POST') + 'c\r\nabcdefghijkl\r\n0\r\n\r\n',
    );
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'BODY_TOO_LARGE' });
    upstream.play(answerOk);
  });

  test('a refused client that waits for 100 never gets one', async () => {
    const answer = await sendRaw(
      gateway.url,
      request('/small/x', 'Content-Length: 11\r\nExpect: 100-continue\r\n', 'POST'),
    );
    expect(answer).toMatchObject({ status: 413, interim: [] });
  });

  test('a request pipelined behind an unread body is never served', async () => {
    const before = upstream.requests.length;
    const client = await connectRaw(gateway.url);
    const smuggled = request('/plain/smuggled');
    await client.send(request('/small/x', `Content-Length: ${70_000}\r\n`, 'POST') + smuggled + 'x'.repeat(70_000));
    expect(await client.read()).toMatchObject({ status: 413 });
    await client.closed;
    expect(upstream.requests.length).toBe(before);
  });
});

describe('routes that answer themselves', () => {
  test('redirect carries the rest and the query', async () => {
    const answer = await sendRaw(gateway.url, 'GET /old/a/b?c HTTP/1.1\r\nHost: g\r\n\r\n');
    expect(answer).toMatchObject({ status: 308 });
    expect(answer.headers.get('location')).toBe('/new/a/b?c');
  });

  test('respond answers with what is written', async () => {
    expect(await sendRaw(gateway.url, 'GET /gone HTTP/1.1\r\nHost: g\r\n\r\n')).toMatchObject({
      status: 410,
      text: 'gone\n',
    });
  });
});

describe('a route with hosts', () => {
  const on = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: tenant.test\r\n\r\n`;

  test('owns the paths of the gateway’s own endpoints on its host', async () => {
    expect(await sendRaw(gateway.url, on('/health'))).toMatchObject({ status: 200, text: 'ok' });
  });

  test('but never /admin', async () => {
    const before = upstream.requests.length;
    expect(await sendRaw(gateway.url, on('/admin/keys'))).toMatchObject({ status: 401 });
    expect(await sendRaw(gateway.url, on('/admin'))).toMatchObject({ status: 404 });
    expect(upstream.requests.length).toBe(before);
  });
});

describe('methods', () => {
  test('one the route does not have is 405 with Allow', async () => {
    const answer = await sendRaw(gateway.url, request('/v2/things/7', '', 'DELETE'));
    expect(answer).toMatchObject({ status: 405 });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
  });

  test('a preflight finds the route of the method it asks about, and needs no key', async () => {
    const preflight = 'Origin: https://app.test\r\nAccess-Control-Request-Method: POST\r\n';
    const answer = await sendRaw(gateway.url, `OPTIONS /v2/things/7 HTTP/1.1\r\nHost: g\r\n${preflight}\r\n`);
    expect(answer).toMatchObject({ status: 204 });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.test');
  });

  test('TRACE is never served', async () => {
    expect(await sendRaw(gateway.url, request('/plain/x', '', 'TRACE'))).toMatchObject({ status: 405 });
  });

  test('OPTIONS * is answered here', async () => {
    expect(await sendRaw(gateway.url, 'OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n')).toMatchObject({ status: 204 });
  });
});

describe('what no route is for', () => {
  test('an unknown path is 404', async () => {
    const answer = await sendRaw(gateway.url, request('/nowhere'));
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'NOT_FOUND', instance: '/nowhere' });
  });

  test('bytes that are no request get an answer, a log line and a count', async () => {
    const refusals = async (): Promise<number> => {
      const line = /^gateway_errors_total\{service="none",code="VALIDATION_ERROR"\} (\d+)$/m.exec(
        await gateway.metrics(),
      );
      return Number(line?.[1] ?? 0);
    };
    const before = await refusals();
    const answer = await sendRaw(gateway.url, 'nonsense\r\n\r\n');
    expect(answer).toMatchObject({ status: 400 });
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'VALIDATION_ERROR' });
    await until(() => gateway.logged.some((line) => line['msg'] === 'not a request'));
    expect(await refusals()).toBe(before + 1);
  });

  test('HTTP/1.0 without Host does not reach a route', async () => {
    expect(await sendRaw(gateway.url, `GET /plain/x HTTP/1.0\r\nX-API-Key: ${API_KEY}\r\n\r\n`)).toMatchObject({
      status: 400,
    });
  });
});

test('every exchange leaves one log line and one count', async () => {
  const answer = await sendRaw(gateway.url, request('/plain/logged'));
  const id = answer.headers.get('x-request-id');
  const lines = (): unknown[] => gateway.logged.filter((line) => line['request_id'] === id);
  await until(() => lines().length > 0);
  expect(lines()).toEqual([
    expect.objectContaining({ service: 'plain', status: 200, outcome: 'completed', attempts: 1, consumer: 'dev_user' }),
  ]);
  expect(JSON.stringify(gateway.logged)).not.toContain(API_KEY);
});
