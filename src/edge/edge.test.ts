import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EDGE_DEFAULTS, type EdgeServer, startEdgeServer } from '../../tests/support/edge-server.ts';
import { connectRaw, sendRaw } from '../../tests/support/raw-client.ts';
import { compileAddressSet } from '../lib/address-set.ts';
import type { EdgeRequest } from './edge-request.ts';

let server: EdgeServer;
let behindProxy: EdgeServer;
beforeAll(async () => {
  server = await startEdgeServer();
  behindProxy = await startEdgeServer({ trustProxy: compileAddressSet(['loopback']) });
});
afterAll(async () => {
  await server.close();
  await behindProxy.close();
});

async function parsed(startLine: string, lines: readonly string[] = [], to = server, body = ''): Promise<EdgeRequest> {
  const before = to.accepted.length;
  const answer = await sendRaw(to.url, `${[startLine, ...lines].join('\r\n')}\r\n\r\n${body}`, {
    method: startLine.split(' ', 1)[0] as string,
  });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  expect(to.accepted.length).toBe(before + 1);
  return to.accepted.at(-1) as EdgeRequest;
}

const get = (target: string, ...lines: string[]) =>
  parsed(`GET ${target} HTTP/1.1`, ['Host: A.example:8000', ...lines]);

describe('parseEdge', () => {
  test('gives one canonical path, the query as sent, host, authority and peer', async () => {
    const edge = await get('/%61/caf%c3%a9?q=%2e%2E&"<x>"\\|{}');
    expect(edge).toMatchObject({
      method: 'GET',
      path: '/a/caf%C3%A9',
      query: '?q=%2e%2E&"<x>"\\|{}',
      host: 'a.example',
      authority: 'A.example:8000',
      scheme: 'http',
      peer: '127.0.0.1',
      isPeerTrusted: false,
      contentLength: undefined,
      chunked: false,
      expectContinue: false,
      upgrade: undefined,
    });
  });

  test('an empty query and a question mark inside it are kept', async () => {
    expect(await get('/a?')).toMatchObject({ path: '/a', query: '?' });
    expect(await get('/a?b?c')).toMatchObject({ path: '/a', query: '?b?c' });
  });

  test('absolute-form gives the same record as origin-form', async () => {
    expect(await get('http://a.example:8000/a?b')).toMatchObject({ path: '/a', query: '?b', host: 'a.example' });
    expect(await get('HTTP://A.EXAMPLE:8000?b')).toMatchObject({ path: '/', query: '?b' });
  });

  test('HTTP/1.0 may come without Host, and then has none', async () => {
    expect(await parsed('GET /a HTTP/1.0')).toMatchObject({ host: '', authority: '', httpVersion: '1.0' });
    expect(await parsed('GET http://b.example/a HTTP/1.0')).toMatchObject({ host: 'b.example' });
  });

  test('OPTIONS * is let through as *', async () => {
    expect(await parsed('OPTIONS * HTTP/1.1', ['Host: a'])).toMatchObject({ path: '*', query: '' });
  });

  test('bodies are framed by length or chunks, for any method', async () => {
    expect(await parsed('GET / HTTP/1.1', ['Host: a', 'Content-Length: 3'], server, 'abc')).toMatchObject({
      contentLength: 3,
    });
    const chunked = ['Host: a', 'Transfer-Encoding: chunked'];
    expect(await parsed('DELETE / HTTP/1.1', chunked, server, '3\r\nabc\r\n0\r\n\r\n')).toMatchObject({
      chunked: true,
    });
    expect(await parsed('POST / HTTP/1.1', ['Host: a', 'Content-Length: 0'])).toMatchObject({ contentLength: 0 });
  });

  test('100-continue is noticed in any case, and from HTTP/1.0 ignored', async () => {
    expect(await get('/', 'Expect: 100-Continue')).toMatchObject({ expectContinue: true });
    expect(await parsed('GET / HTTP/1.0', ['Expect: 100-continue'])).toMatchObject({ expectContinue: false });
  });

  test('an upgrade offer counts only when Connection names it, and h2c never', async () => {
    const offered = async (...lines: string[]) => (await get('/', ...lines)).upgrade;
    expect(await offered('Connection: keep-alive, UPGRADE', 'Upgrade: WebSocket')).toBe('websocket');
    expect(await offered('Connection: x', 'Connection: upgrade', 'Upgrade: foo/1', 'Upgrade: websocket')).toBe(
      'websocket',
    );
    expect(await offered('Connection: upgrade', 'Upgrade: foo/1, bar')).toBe('foo/1');
    expect(await offered('Upgrade: websocket')).toBeUndefined();
    expect(await offered('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AA')).toBeUndefined();
    const old = await parsed('GET / HTTP/1.0', ['Connection: upgrade', 'Upgrade: websocket']);
    expect(old.upgrade).toBeUndefined();
  });

  test('lines are kept as sent, with names in lower case beside them', async () => {
    const { headers } = await get('/', 'X-Two: 1', 'x-two: 2', 'X-Caf: \xe9\t!', '__proto__: p', 'constructor: c');
    expect(headers.raw.slice(2)).toEqual([
      'X-Two',
      '1',
      'x-two',
      '2',
      'X-Caf',
      '\xe9\t!',
      '__proto__',
      'p',
      'constructor',
      'c',
    ]);
    expect(headers.names).toEqual(['host', 'x-two', 'x-two', 'x-caf', '__proto__', 'constructor']);
  });

  test('names whose - form is protected are dropped, other names with _ are only noted', async () => {
    const impostors = [
      'X_Consumer_Id',
      'x_api_key',
      'X-Forwarded_For',
      'Content_Length',
      'TRANSFER_ENCODING',
      'X_Real_IP',
    ]
      .concat(['x_authenticated_user', 'X_Credential-Id', 'X_Request_Id', 'Proxy_Authorization'])
      .map((name) => `${name}: forged`);
    const edge = await get('/', ...impostors, 'my_header: 1', 'Accept: a');
    expect(edge.headers.raw).toEqual(['Host', 'A.example:8000', 'my_header', '1', 'Accept', 'a']);
    expect(edge.headers.names).toEqual(['host', 'my_header', 'accept']);
    expect(edge.hasUnderscoreName).toBe(true);
    expect((await get('/', 'Accept: a')).hasUnderscoreName).toBe(false);
  });

  test('other gateways in Via are no loop, even with a longer name', async () => {
    const via = `1.1 ${EDGE_DEFAULTS.viaPseudonym}x, 1.1 other (${EDGE_DEFAULTS.viaPseudonym})`;
    expect((await get('/', `Via: ${via}`)).headers.get('via')).toBe(via);
  });

  test('the last X-Forwarded-Proto is believed, from a trusted peer only', async () => {
    const lines = ['Host: a', 'X-Forwarded-Proto: http', 'X-Forwarded-Proto: http, HTTPS'];
    expect(await parsed('GET / HTTP/1.1', lines, behindProxy)).toMatchObject({ scheme: 'https', isPeerTrusted: true });
    expect(await parsed('GET / HTTP/1.1', lines)).toMatchObject({ scheme: 'http' });
    expect(await parsed('GET / HTTP/1.1', ['Host: a', 'X-Forwarded-Proto: x'], behindProxy)).toMatchObject({
      scheme: 'http',
    });
  });

  test('the limits are exact: 100 lines and 16 KiB of target and of lines pass', async () => {
    const lines = Array.from({ length: 99 }, (_, i) => `X-${i}: a`);
    expect((await get('/', ...lines)).headers.names).toHaveLength(100);
    expect((await get(`/${'a'.repeat(16_383)}`)).path).toHaveLength(16_384);
    const value = 'a'.repeat(16_384 - 'Host: A.example:8000\r\n'.length - 'X-A: \r\n'.length);
    expect((await get('/', `X-A: ${value}`)).headers.get('x-a')).toBe(value);
    const answer = await sendRaw(server.url, `GET / HTTP/1.1\r\nHost: A.example:8000\r\nX-A: ${value}a\r\n\r\n`);
    expect(answer.text).toBe('HEADERS_TOO_LARGE');
  });

  test('whatever bytes arrive, the record keeps its promises and the server lives', async () => {
    const seeds = [
      'GET /a HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST http://a/b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
    ].concat(['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX_API-Key: k\r\n\r\n3\r\nabc\r\n0\r\n\r\n']);
    const meaningful = fc.constantFrom(
      '\r',
      '\n',
      '\0',
      ' ',
      '\t',
      ':',
      '/',
      '.',
      '%',
      '%2e',
      ';',
      '\\',
      '#',
      ',',
      '@',
      '0',
      '\x80',
    );
    const mutation = fc.tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(120), fc.nat(2), meaningful), { maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(mutation, async ([seed, edits]) => {
        let bytes = seed;
        for (const [at, drop, text] of edits) bytes = bytes.slice(0, at) + text + bytes.slice(at + drop);
        const before = server.accepted.length;
        const connection = await connectRaw(server.url);
        await connection.send(bytes).catch(() => undefined);
        connection.end();
        await connection.closed;
        connection.destroy();
        for (const edge of server.accepted.slice(before)) expectPromises(edge);
      }),
      { numRuns: 400 },
    );
    expect(await get('/still-here')).toMatchObject({ path: '/still-here' });
  });
});

function expectPromises(edge: EdgeRequest): void {
  expect(edge.path).toMatch(/^(\*|\/[!-~]*)$/);
  expect(edge.path.split(/[/;]/)).not.toContain('..');
  expect(edge.path).not.toMatch(/[\\#?]|%(0|1|5C|7F|2E)/);
  expect(edge.query).toMatch(/^(\?[!"$-~]*)?$/);
  expect(edge.authority).toMatch(edge.httpVersion === '1.0' ? /^[\w.~:[\]-]*$/ : /^[\w.~:[\]-]+$/);
  expect(edge.chunked && edge.contentLength !== undefined).toBe(false);
  expect(edge.headers.names).toEqual(edge.headers.raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()));
  for (const value of edge.headers.raw) expect(value).not.toMatch(/[\r\n]|\0/);
}
