// A protected prefix beside an open one: whatever way a path is spelled, nobody without a key gets a request to the
// upstream that some server would read as one for the protected prefix.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  open: { url: "${upstream.url}/open", auth: false }
  secret: { url: "${upstream.url}/secret" }
  files: { url: "${upstream.url}" }
routes:
  - { name: public-files, match: { path: /files/* }, service: files, auth: false }
  - { name: private-files, match: { path: /files/private/* }, service: files }
  - { name: everything, match: { path: /*, hosts: [tenant.test] }, service: files, auth: false }
  - { name: carried, match: { path: /old/* }, redirect: { to: "/*" }, paths: { empty_segments: pass, encoded_slash: pass } }
`);
});
beforeEach(() => upstream.play((call) => call.answer(200)));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const SLASHES = [
  '/',
  '//',
  '///',
  '%2f',
  '%2F',
  '%5c',
  '\\',
  '/%2f',
  '%2f/',
  '%252f',
  '/;/',
  '/;x=1/',
  '%c0%af',
  '%ef%bc%8f',
];
const DOTS = [
  '',
  '.',
  '..',
  '%2e',
  '%2E%2e',
  '.%2e',
  '%252e%252e',
  '..;',
  '..;x=1',
  '..%00',
  '..%3b',
  '%c0%ae%c0%ae',
  '%u002e.',
];
const NAMES = [
  'private',
  '%70rivate',
  'privat%65',
  'private;',
  'private;x=1',
  'private%3b',
  '%2570rivate',
  'PRIVATE',
  'private.',
];
const ENDS = ['x', '%09', 'x?/../private/x'];

/** Every order of an open start, something that climbs or stands still, a name, and an end. */
function* spellings(): Generator<string> {
  for (const slash of SLASHES)
    for (const name of NAMES)
      for (const end of ENDS) {
        yield `/files${slash}${name}/${end}`;
        for (const dots of DOTS) {
          yield `/files${slash}${dots}${slash}${name}/${end}`;
          yield `/files/a${slash}${dots}/${name}${slash}${end}`;
        }
      }
}

/** The path as the most obliging server reads it: decoded once, parameters cut, slashes merged, dots resolved. */
function readGenerously(target: string): string {
  const [path = ''] = target.split('?', 1);
  const decoded = path
    .replace(/;[^/]*/g, '')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return new URL(`http://a${decoded.replace(/[/\\]+/g, '/')}`).pathname;
}

/** The statuses of all answers, asked for a hundred at a time. */
async function statusesOf(paths: readonly string[], host = 'g'): Promise<number[]> {
  const statuses: number[] = [];
  for (let start = 0; start < paths.length; start += 100) {
    const connection = await connectRaw(gateway.url);
    const part = paths.slice(start, start + 100);
    await connection.send(part.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(''));
    for (const _ of part) statuses.push((await connection.read()).status);
    connection.destroy();
  }
  return statuses;
}

test('thousands of spellings of a protected path are refused, or reach nothing that is protected', async () => {
  const all = [...new Set(spellings())];
  expect(all.length).toBeGreaterThan(5_000);
  const before = upstream.requests.length;
  const statuses = await statusesOf(all);
  expect(new Set(statuses)).toEqual(new Set([200, 400, 401, 404]));
  const reached = upstream.requests.slice(before).map(({ target }) => target);
  expect(reached.length).toBe(statuses.filter((status) => status === 200).length);
  expect(reached.filter((target) => readGenerously(target).startsWith('/files/private/'))).toEqual([]);
  expect(reached.filter((target) => !readGenerously(target).startsWith('/files'))).toEqual([]);
}, 60_000);

describe('with another service as the way in', () => {
  const climbs = DOTS.flatMap((dots) => SLASHES.map((slash) => `/open${slash}${dots}${slash}secret/x`));

  test('no path leaves the base path of the target', async () => {
    const before = upstream.requests.length;
    await statusesOf(climbs);
    const reached = upstream.requests.slice(before).map(({ target }) => readGenerously(target));
    expect(reached.filter((path) => path !== '/open' && !path.startsWith('/open/'))).toEqual([]);
  });

  test.each(['/secret/x', '/%73ecret/x', '/service/secret/x', '/secret', 'http://g/secret/x', '/secret/x?key=1'])(
    '%s wants a key',
    async (path) => {
      expect(await statusesOf([path])).toEqual([401]);
    },
  );

  test.each(['/secretx', '/secret.', '/openx/y', '/open../secret/x', '/open..%2fsecret/x', '/SECRET/x'])(
    '%s is no path of theirs',
    async (path) => {
      const [status] = await statusesOf([path]);
      expect([400, 404]).toContain(status);
    },
  );
});

describe('parameters, dots and spaces at the end of path segments', () => {
  test.each([
    ...['/files/private;v=1/x', '/files/;/private/x', '/admin;a/keys', '/files/private;/x', '/files/private%3Bx/y'],
    ...['/files/%3b/private/x', '/files/private%253b/x', '/files/private%20/x', '/files/private./x', '/admin%20./keys'],
  ])('%s is refused, because without them it belongs to another route', async (path) => {
    const host = path.startsWith('/admin') ? 'tenant.test' : 'g';
    expect(await statusesOf([path], host)).toEqual([400]);
  });

  test.each(['/files/report;v=1', '/files/a;b/c;d=e', '/files/report%3Bx/y', '/files/a./b%20'])(
    '%s passes as it is',
    async (path) => {
      expect(await statusesOf([path])).toEqual([200]);
      expect(upstream.requests.at(-1)?.target).toBe(path);
    },
  );

  test('change nothing for who may see the protected path', async () => {
    const head = `GET /files/private/x;v=1 HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n\r\n`;
    expect(await sendRaw(gateway.url, head)).toMatchObject({ status: 200 });
    expect(await statusesOf(['/files/private/x;v=1'])).toEqual([401]);
  });
});

describe('a redirect', () => {
  test.each(['/old//evil.test', '/old///evil.test', '/old//evil.test/%2F..x'])(
    '%s never leads to a host of the path',
    async (path) => {
      const answer = await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: g\r\n\r\n`);
      expect(answer).toMatchObject({ status: 400 });
      expect(answer.headers.get('location')).toBeUndefined();
    },
  );

  test.each([
    ['/old/%2Fevil.test', '/%2Fevil.test'],
    ['/old/@evil.test', '/@evil.test'],
    ['/old/a//evil.test?b=//c', '/a//evil.test?b=//c'],
  ])('%s leads to %s', async (path, location) => {
    const answer = await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: evil.test\r\n\r\n`);
    expect(answer.headers.get('location')).toBe(location);
  });
});
