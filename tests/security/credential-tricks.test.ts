// Ways to get in with something that is not a key, to learn which keys exist, and to lock honest callers out.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type RawResponse, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;
let throttling: TestGateway;
let issued: string;

beforeAll(async () => {
  upstream = await startRawUpstream();
  const services = `
services:
  keyed: { url: "${upstream.url}" }
  other: { url: "${upstream.url}", auth: { header: X-Other-Key } }
  raw: { url: "${upstream.url}", auth: { header: Authorization } }
  open: { url: "${upstream.url}", auth: false }
  trusted: { url: "${upstream.url}", auth: false, headers: { forward_credentials: true } }
`;
  gateway = await startTestGateway(
    `settings: { ${QUICK_SHUTDOWN}, failed_auth: { limit: 100000, window: 1m } }\n${services}`,
  );
  throttling = await startTestGateway(
    `settings: { ${QUICK_SHUTDOWN}, failed_auth: { limit: 5, window: 10m } }\n${services}`,
  );
  issued = await issueTo('honest');
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await throttling.close();
  await upstream.close();
});

async function issueTo(owner: string): Promise<string> {
  const body = JSON.stringify({ owner });
  const head = `POST /admin/keys HTTP/1.1\r\nHost: g\r\nX-Master-Key: ${MASTER_KEY}\r\nContent-Type: application/json\r\n`;
  const answer = await sendRaw(throttling.url, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  return (JSON.parse(answer.text) as { api_key: string }).api_key;
}

function ask(lines: readonly string[], path = '/keyed/x', from = gateway): Promise<RawResponse> {
  return sendRaw(from.url, [`GET ${path} HTTP/1.1`, 'Host: g', ...lines, '', ''].join('\r\n'));
}

const UNKNOWN = 'sk_live_00000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';

describe('a route that asks nobody', () => {
  test.each(['X-API-Key: %', 'Authorization: Bearer %', 'Authorization: %'])(
    'keeps an issued key from its upstream: %s',
    async (line) => {
      const sent = line.replace('%', issued);
      expect((await ask([sent], '/open/x', throttling)).status).toBe(200);
      expect(upstream.requests.at(-1)?.head.toString('latin1')).not.toContain(issued);
      expect((await ask([sent], '/trusted/x', throttling)).status).toBe(200);
      expect(upstream.requests.at(-1)?.head.toString('latin1')).toContain(issued);
    },
  );

  test.each(['X-API-Key: somebody-elses', 'Authorization: Basic dXNlcjpwYXNz'])('forwards %s', async (line) => {
    expect((await ask([line], '/open/x')).status).toBe(200);
    expect(upstream.requests.at(-1)?.head.toString('latin1')).toContain(line);
  });
});

test('of two good credentials of one caller the upstream gets none', async () => {
  for (const bearer of [issued, await issueTo('honest')]) {
    const lines = [`X-API-Key: ${issued}`, `Authorization: Bearer ${bearer}`];
    expect((await ask(lines, '/keyed/x', throttling)).status).toBe(200);
    const received = upstream.requests.at(-1)?.head.toString('latin1');
    expect([received?.includes(issued), received?.includes(bearer)]).toEqual([false, false]);
  }
});

describe('nothing but a key in its place is a key', () => {
  test.each([
    ['in the query', `/keyed/x?api_key=${API_KEY}&X-API-Key=${API_KEY}&access_token=${API_KEY}`, []],
    ['in a cookie', '/keyed/x', [`Cookie: X-API-Key=${API_KEY}`]],
    ['in the header of another route', '/other/x', [`X-API-Key: ${API_KEY}`]],
    ['in basic credentials', '/keyed/x', [`Authorization: Basic ${Buffer.from(`${API_KEY}:`).toString('base64')}`]],
    ['without a scheme', '/keyed/x', [`Authorization: ${API_KEY}`]],
    ['under an underscore', '/keyed/x', [`X_API_Key: ${API_KEY}`, `X_API-Key: ${API_KEY}`]],
    ['as user of the target', '/keyed/x', [`Proxy-Authorization: Bearer ${API_KEY}`]],
    ['as master key', '/keyed/x', [`X-Master-Key: ${API_KEY}`]],
    ['the master key', '/keyed/x', [`X-API-Key: ${MASTER_KEY}`]],
    ['its hash', '/keyed/x', [`X-API-Key: ${'0'.repeat(64)}`]],
    ['with another after it', '/keyed/x', [`X-API-Key: ${API_KEY}, ${API_KEY}`]],
    ['with another after it as bearer', '/keyed/x', [`Authorization: Bearer ${API_KEY} ${API_KEY}`]],
    ['in other letters', '/keyed/x', [`X-API-Key: ${API_KEY.toUpperCase()}`]],
    ['short of a letter', '/keyed/x', [`X-API-Key: ${API_KEY.slice(0, -1)}`]],
  ])('%s', async (_name, path, lines) => {
    const before = upstream.requests.length;
    expect(await ask(lines, path)).toMatchObject({ status: 401 });
    expect(upstream.requests.length).toBe(before);
  });

  test.each([
    ['X-API-Key', [`X-API-Key: ${API_KEY}`, `X-API-Key: ${UNKNOWN}`], '/keyed/x'],
    ['Authorization', [`Authorization: Bearer ${API_KEY}`, `authorization: Bearer ${API_KEY}`], '/keyed/x'],
    ['the header of another route', [`X-Other-Key: ${API_KEY}`, `X-Other-Key: b`], '/keyed/x'],
  ])('twice in %s is 400', async (_name, lines, path) => {
    expect(await ask(lines, path)).toMatchObject({ status: 400 });
  });
});

describe('two credentials', () => {
  test('are judged by the one that is ours, whichever header it came in', async () => {
    expect(await ask([`X-API-Key: ${UNKNOWN}`, `Authorization: Bearer ${API_KEY}`])).toMatchObject({ status: 200 });
    expect(await ask([`X-API-Key: ${UNKNOWN}`, `Authorization: Bearer ${UNKNOWN}x`])).toMatchObject({ status: 401 });
    expect(await ask([`X-API-Key: ${API_KEY}`, `Authorization: Bearer ${UNKNOWN}`])).toMatchObject({ status: 200 });
  });

  test('in Authorization and the header of another route are one', async () => {
    expect(await ask([`X-API-Key: ${API_KEY}`, `Authorization: Bearer ${API_KEY}`], '/raw/x')).toMatchObject({
      status: 200,
    });
    expect(await ask([`X-API-Key: ${API_KEY}`], '/raw/x')).toMatchObject({ status: 401 });
  });
});

describe('hostile text in the key header', () => {
  const FORMS: readonly (readonly [string, string])[] = [
    ['unknown', UNKNOWN],
    ['of no known form', 'hello'],
    ['with a wrong checksum', `sk_live_${'a'.repeat(46)}`],
    ['of 10 KB', 'k'.repeat(10_240)],
    ['SQL', `' OR '1'='1' --`],
    ['more SQL', `"; DROP TABLE api_keys; --`],
    ['a template', '${jndi:ldap://x}{{7*7}}%{x}'],
    ['a name of objects', '__proto__'],
    ['another', 'constructor'],
    ['a wildcard', '*'],
    ['not ASCII', '\xe9\xff\x80'],
    ['a newline in escapes', 'a%0d%0aX-Evil: b'],
    ['JSON', '{"$ne":""}'],
  ];

  test('is answered like any unknown key: same status, same words', async () => {
    const answers = await Promise.all(FORMS.map(([, text]) => ask([`X-API-Key: ${text}`])));
    const shown = answers.map(({ status, text, headers }) => {
      const { request_id: _, ...body } = JSON.parse(text) as Record<string, unknown>;
      return JSON.stringify([status, body, headers.get('www-authenticate')]);
    });
    expect(new Set(shown).size).toBe(1);
    expect(shown[0]).toContain('INVALID_CREDENTIAL');
  });

  test.each(FORMS)('%s is never repeated in answer or log', async (_name, text) => {
    const answer = await ask([`X-API-Key: ${text}`]);
    if (text.length > 5) expect(answer.raw.toString('latin1') + answer.text).not.toContain(text);
    if (text.length > 8) expect(JSON.stringify(gateway.logged)).not.toContain(text);
  });

  test.each(['a\0b', 'a\x01b', 'a\x7fb'])('%j is no header at all', async (text) => {
    expect(await ask([`X-API-Key: ${text}`])).toMatchObject({ status: 400 });
  });

  test('leaves the store working', async () => {
    expect(await ask([`X-API-Key: ${issued}`], '/keyed/x', throttling)).toMatchObject({ status: 200 });
  });
});

describe('an address that fails too often', () => {
  test('hears 429 with a wait for failing keys, and every valid key behind it passes', async () => {
    const failing = [];
    for (let i = 0; i < 12; i++) failing.push(await ask([`X-API-Key: guess-${i}`], '/keyed/x', throttling));
    expect(failing.map(({ status }) => status)).toEqual([...Array(5).fill(401), ...Array(7).fill(429)]);
    expect(Number(failing.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const key of [API_KEY, issued])
      expect(await ask([`X-API-Key: ${key}`], '/keyed/x', throttling)).toMatchObject({ status: 200 });
  });

  test('does not become another address by saying so', async () => {
    for (const line of ['X-Forwarded-For: 10.9.8.7', 'X-Real-IP: 10.9.8.7', 'Forwarded: for=10.9.8.7'])
      expect(await ask([`X-API-Key: guess-${line.length}`, line], '/keyed/x', throttling)).toMatchObject({
        status: 429,
      });
  });

  test('may still guess no faster at the master key, and the right one passes', async () => {
    const admin = (key: string): Promise<RawResponse> => ask([`X-Master-Key: ${key}`], '/admin/keys', throttling);
    expect(await admin('wrong')).toMatchObject({ status: 429 });
    expect(await admin(MASTER_KEY)).toMatchObject({ status: 200 });
  });
});
