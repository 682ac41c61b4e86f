// Text from outside that comes back: in error bodies to clients, and in the log to operators' terminals and tools.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

const DIALECTS = ['problem', 'openai', 'simple', 'envelope'];

beforeAll(async () => {
  upstream = await startRawUpstream();
  const services = DIALECTS.map((dialect) => `  ${dialect}: { url: "${upstream.url}", dialect: ${dialect} }`);
  gateway = await startTestGateway(`settings: { ${QUICK_SHUTDOWN} }\nservices:\n${services.join('\n')}\n`);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const SCRIPT = '<script>alert(1)</script>';
const IMAGE = '<img/src=x/onerror=alert`1`>';

describe('an error never carries markup of the client', () => {
  test.each([
    ['in the path of nothing', `GET /no/${SCRIPT} HTTP/1.1\r\nHost: g\r\n`],
    ['in the path of an own tree', `GET /admin/${IMAGE} HTTP/1.1\r\nHost: g\r\nX-Master-Key: ${MASTER_KEY}\r\n`],
    ['in a parameter', `GET /admin/keys?${SCRIPT}=1 HTTP/1.1\r\nHost: g\r\nX-Master-Key: ${MASTER_KEY}\r\n`],
    ['in the method', `${SCRIPT} / HTTP/1.1\r\nHost: g\r\n`],
    ['in a header', `GET /no HTTP/1.1\r\nHost: g\r\nExpect: ${SCRIPT}\r\n`],
    ['in Host', `GET /no HTTP/1.1\r\nHost: ${SCRIPT}\r\n`],
    ['in a target of absolute form', `GET http://${SCRIPT}/ HTTP/1.1\r\nHost: g\r\n`],
    ...DIALECTS.map(
      (dialect) => [`in dialect ${dialect}`, `GET /${dialect}/${SCRIPT} HTTP/1.1\r\nHost: g\r\n`] as const,
    ),
  ])('%s', async (_name, head) => {
    const answer = await sendRaw(gateway.url, `${head}\r\n`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain('<');
    expect(() => JSON.parse(answer.text) as unknown).not.toThrow();
    expect(answer.headers.get('content-type')).toMatch(/^application\/(problem\+)?json$/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('in the name of a field', async () => {
    const body = JSON.stringify({ owner: 'a', [SCRIPT]: 1, 'a\r\nX-Evil: 1': 2, '\u001b[2J': 3 });
    const head = `POST /admin/keys HTTP/1.1\r\nHost: g\r\nX-Master-Key: ${MASTER_KEY}\r\nContent-Type: application/json\r\n`;
    const answer = await sendRaw(gateway.url, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    expect(answer.status).toBe(400);
    for (const raw of ['<', '\r', '\n', '\u001b']) expect(answer.text).not.toContain(raw);
    expect(answer.headers.get('x-evil')).toBeUndefined();
  });
});

describe('a log line is one line of plain characters', () => {
  const HOSTILE = [
    'a\x9b31mb',
    'a\x85b',
    'a\x80\xff',
    '"},{"level":"fatal',
    '\\u000a',
    '%0a%0dfake',
    'a\tb',
    '${jndi:ldap://x}',
  ];

  test.each(HOSTILE)('with the user agent %j', async (agent) => {
    const before = gateway.logged.length;
    const answer = await sendRaw(gateway.url, `GET /no/log HTTP/1.1\r\nHost: g\r\nUser-Agent: ${agent}\r\n\r\n`);
    const line = await until(() =>
      gateway.logged.slice(before).find((entry) => entry['request_id'] === answer.headers.get('x-request-id')),
    );
    expect(line['level']).toBe('info');
    expect(String(line['user_agent'])).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  });

  test.each([
    '/no/%0a%0dfake',
    '/no/%1b[2J',
    '/no/"},{"level":"fatal',
    '/no/%E2%80%A8x',
    `/admin/${'%C2%9B'.repeat(9)}`,
  ])('with the path %s', async (path) => {
    const before = gateway.logged.length;
    await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n\r\n`);
    const line = await until(() => gateway.logged[before]);
    expect(line['level']).toBe('info');
    expect(JSON.stringify(line['path'] ?? '')).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  });

  test('with an address a trusted proxy never checked', async () => {
    const trusting = await startTestGateway(
      `settings: { ${QUICK_SHUTDOWN}, trust_proxy: [127.0.0.1] }\nservices:\n  open: { url: "${upstream.url}", auth: false }\n`,
    );
    for (const address of ['"},{"level":"fatal', 'fe80::1%"x', '1.2.3.4"', '::1%<b>', '\x9b'])
      await sendRaw(trusting.url, `GET /no HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: ${address}\r\n\r\n`);
    await until(() => trusting.logged.filter((entry) => entry['msg'] === 'request').length === 5);
    const addresses = trusting.logged.filter((entry) => entry['msg'] === 'request').map((entry) => entry['client_ip']);
    expect(addresses).toEqual(Array(5).fill('127.0.0.1'));
    await trusting.close();
  });
});
