// Secrets with names nobody else would write are planted everywhere, everything is made to fail at the most talkative
// log level, and then nothing the gateway has said to anybody may hold one of them.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findFreePort } from '../support/free-port.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const SECRETS = {
  MASTER_KEY: 'mk_canary-master-0f1e2d3c4b5a',
  MASTER_KEY_PREVIOUS: 'mk_canary-previous-9a8b7c6d5e',
  TEST_API_KEY: 'sk_canary-api-key-5a4b3c2d1e0f',
  UPSTREAM_KEY: 'sk-canary-upstream-77665544332211',
  UPSTREAM_HEADER: 'canary-header-aabbccddeeff0011',
  REDIS_PASSWORD: 'canary-redis-1234abcd5678',
  CLIENT_BEARER: 'canary-bearer-of-a-client-abcdef',
  CLIENT_COOKIE: 'canary-cookie-of-a-client-abcdef',
  CLIENT_QUERY: 'canary-query-of-a-client-abcdef',
  CLIENT_BODY: 'canary-body-of-a-client-abcdef',
};

let redis: RedisServer;
let upstream: RawUpstream;
let gateway: TestGateway;
/** Everything that left the gateway, except towards the upstream. */
const said: string[] = [];

beforeAll(async () => {
  redis = await startRedis({ own: true, args: ['--requirepass', SECRETS.REDIS_PASSWORD] });
  upstream = await startRawUpstream();
  const deadPort = await findFreePort();
  const redisUrl = new URL(redis.url);
  redisUrl.password = SECRETS.REDIS_PASSWORD;
  const hash = createHash('sha256').update('canary-file-key').digest('hex');
  gateway = await startTestGateway(
    `
settings: { ${QUICK_SHUTDOWN}, log: { level: trace }, metrics: { enabled: true } }
consumers:
  - { id: filed, keys: [{ hash: "sha256:${hash}" }] }
services:
  paid: { targets: [{ url: "${upstream.url}", api_key: "\${UPSTREAM_KEY}" }], rate_limit: 1000, headers: { request: { set: { X-Upstream-Secret: "\${UPSTREAM_HEADER}" } } } }
  dead: { targets: [{ url: "http://127.0.0.1:${deadPort}", api_key: "\${UPSTREAM_KEY}" }] }
  chat: { kind: llm, targets: [{ url: "${upstream.url}/v1", api_key: "\${UPSTREAM_KEY}" }] }
  open: { url: "${upstream.url}", auth: false, body_limit: 100 }
`,
    { env: { ...SECRETS, REDIS_URL: redisUrl.href } },
  );
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await redis.stop();
});

const CREDENTIALS = [
  `X-API-Key: ${SECRETS.TEST_API_KEY}`,
  `Authorization: Bearer ${SECRETS.CLIENT_BEARER}`,
  `Cookie: session=${SECRETS.CLIENT_COOKIE}`,
];

async function ask(line: string, more: readonly string[] = CREDENTIALS, body = ''): Promise<void> {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`, 'Content-Type: application/json'];
  const connection = await connectRaw(gateway.url);
  await connection.send([`${line} HTTP/1.1`, 'Host: g', ...more, ...length, '', body].join('\r\n'));
  const answer = await connection.read().catch(() => undefined);
  connection.destroy();
  said.push(answer ? answer.raw.toString('latin1') + answer.text : connection.bytes.toString('latin1'));
}

const admin = (key: string): string[] => [`X-Master-Key: ${key}`];

const BREAKDOWNS: readonly Script[] = [
  (call) => call.reset(),
  (call) => call.write('nonsense\r\n\r\n'),
  (call) => call.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx').then(() => call.reset()),
];

/** Every way a request can end. */
async function makeEverythingFail(): Promise<void> {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: SECRETS.CLIENT_BODY }] });
  const query = `?key=${SECRETS.CLIENT_QUERY}`;
  upstream.play(answerOk);
  for (const path of ['/paid/x', '/dead/x', '/chat/x', '/open/x', '/no/x', '/v1/models', '/health', '/admin/keys'])
    await ask(`POST ${path}${query}`, CREDENTIALS, body);
  for (const status of [400, 401, 403, 429, 500, 503]) {
    upstream.play((call) => call.answer(status, `no: ${call.request.headers.get('x-upstream-nothing') ?? ''}`));
    await ask(`POST /chat/chat/completions${query}`, CREDENTIALS, body);
    await ask(`GET /paid/x${query}`);
  }
  for (const script of BREAKDOWNS) {
    upstream.play(script);
    await ask(`GET /paid/x${query}`);
    await ask(`POST /paid/x${query}`, CREDENTIALS, body);
  }
}

async function makeAdministrationSpeak(): Promise<void> {
  for (const key of [SECRETS.MASTER_KEY, SECRETS.MASTER_KEY_PREVIOUS, `${SECRETS.MASTER_KEY}x`]) {
    for (const path of ['config', 'services', 'keys', 'consumers', `keys/${SECRETS.CLIENT_QUERY.length}`])
      await ask(`GET /admin/${path}`, admin(key));
    await ask('GET /api/v1/health/detailed', admin(key));
    await ask('GET /metrics', admin(key));
    await ask('POST /admin/reload', [...admin(key), 'Content-Length: 0']);
  }
  await ask('GET /paid/x', [`X-API-Key: ${SECRETS.TEST_API_KEY}x`, `X-API-Key: ${SECRETS.TEST_API_KEY}`]);
  await ask('GET /paid/x', [`X-Master-Key: ${SECRETS.MASTER_KEY}`, `X-Master-Key: ${SECRETS.MASTER_KEY}`]);
  await ask('GET /paid/x', [`X-API-Key: ${SECRETS.TEST_API_KEY.slice(0, -1)}`]);
  await ask('nonsense', [`X-API-Key: ${SECRETS.TEST_API_KEY}`]);
}

test('what the upstream is paid with reaches the upstream alone', async () => {
  upstream.play(answerOk);
  await sendRaw(gateway.url, `GET /paid/x HTTP/1.1\r\nHost: g\r\n${CREDENTIALS[0]}\r\n\r\n`);
  const received = upstream.requests.at(-1)?.head.toString() ?? '';
  expect(received).toContain(SECRETS.UPSTREAM_KEY);
  for (const secret of [SECRETS.MASTER_KEY, SECRETS.TEST_API_KEY]) expect(received).not.toContain(secret);
});

test('no secret is in any answer, log line, metric or administration page', async () => {
  // The level of the file comes into force with the first reload.
  await ask('POST /admin/reload', [...admin(SECRETS.MASTER_KEY), 'Content-Length: 0']);
  await makeEverythingFail();
  await makeAdministrationSpeak();
  await redis.kill();
  await makeEverythingFail();
  gateway.writeConfig(
    'settings: { rate_period: "${UPSTREAM_KEY}" }\nservices: { paid: { url: "${UPSTREAM_HEADER}" } }\n',
  );
  await makeAdministrationSpeak();
  const logged = JSON.stringify(gateway.logged);
  const everything = [...said, logged, await gateway.metrics()].join('\n');
  expect(gateway.logged.length).toBeGreaterThan(50);
  expect(everything).toContain('[redacted]');
  for (const [name, secret] of Object.entries(SECRETS)) {
    expect([name, everything.includes(secret)]).toEqual([name, false]);
    expect([name, everything.includes(encodeURIComponent(secret))]).toEqual([name, false]);
  }
  expect(everything).not.toContain(Buffer.from(`:${SECRETS.REDIS_PASSWORD}`).toString('base64'));
}, 60_000);

test('a database that cannot be reached is named without its password', async () => {
  const port = await findFreePort();
  const url = `postgres://turnpike:canary-database-42fe@127.0.0.1:${port}/turnpike`;
  const start = startTestGateway(`settings: { ${QUICK_SHUTDOWN} }\n`, { env: { DATABASE_URL: url } });
  const error = await start.then(
    () => undefined,
    (reason: unknown) => reason as Error,
  );
  expect(error).toBeDefined();
  expect(`${error?.message}${error?.stack}${String(error?.cause)}`).not.toContain('canary-database');
});
