// What crosses the gateway in a header block, seen on both wires.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RequestHeaders } from '../../src/upstream/request-headers.ts';
import { ResponseHeaders } from '../../src/upstream/response-headers.ts';
import { type ForwardingServer, startForwardingServer } from '../support/forwarding-server.ts';
import { sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';

const NO_EDITS = { set: {}, add: {}, remove: [] };
const CONFIG = {
  request: NO_EDITS,
  response: NO_EDITS,
  preserve_host: false,
  forward_credentials: false,
  forward_identity: true,
  underscores: 'pass',
} as const;

let upstream: RawUpstream;
let gateway: ForwardingServer;
beforeAll(async () => {
  upstream = await startRawUpstream(answerOk);
  const rules = {
    request: new RequestHeaders('http', CONFIG, 'gw-1'),
    response: new ResponseHeaders('http', CONFIG, 'gw-1'),
  };
  gateway = await startForwardingServer(upstream.url, { rules });
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** The head the upstream received for these lines, in its own bytes. */
async function headFor(startLine: string, lines: readonly string[], body = ''): Promise<string> {
  const head = [startLine, 'Host: gateway.example', ...lines].join('\r\n');
  const answer = await sendRaw(gateway.url, `${head}\r\n\r\n${body}`);
  expect([answer.status, answer.text]).toEqual([200, 'ok']);
  return (upstream.requests.at(-1)?.head ?? Buffer.of()).toString('latin1');
}

describe('towards the upstream', () => {
  test('exactly the rebuilt block arrives, with nothing added to it but Connection', async () => {
    const lines = ['User-Agent: x', 'X-Two: 1', 'x-two: 2', 'X-Latin: caf\xe9', 'Cookie: a=1', 'X-Request-Id: mine'];
    const head = await headFor('GET /a%2Fb?q HTTP/1.1', lines);
    expect(head.split('\r\n').toSorted()).toEqual(
      [
        ...['', '', 'GET /a%2Fb?q HTTP/1.1', `host: 127.0.0.1:${upstream.port}`, 'connection: keep-alive', ...lines],
        ...[
          'X-Forwarded-Proto: http',
          'X-Forwarded-Host: gateway.example',
          'Via: 1.1 gw-1',
          'X-Forwarded-For: 127.0.0.1',
        ],
      ].toSorted(),
    );
  });

  test('no hop-by-hop, nominated or forged line crosses', async () => {
    const head = await headFor('GET / HTTP/1.1', [
      ...['Connection: close, X-Named, Cookie', 'X-Named: bad', 'Cookie: bad', 'Keep-Alive: bad', 'TE: trailers, bad'],
      ...['Proxy-Connection: bad', 'Proxy-Authorization: bad', 'Upgrade: bad', 'Trailer: bad', 'HTTP2-Settings: bad'],
      ...[
        'X-Consumer-Id: bad',
        'X_Consumer_Id: bad',
        'X-Credential-Id: bad',
        'X-Authenticated-User: bad',
        'Forwarded: bad',
      ],
      ...[
        'X-Forwarded-For: bad',
        'X-Forwarded-Host: bad',
        'X-Forwarded-Anything: bad',
        'X-Real-IP: bad',
        'X_Real_IP: bad',
      ],
    ]);
    expect(head).not.toContain('bad');
    expect(head).toContain('X-Forwarded-For: 127.0.0.1\r\n');
  });

  test('a body is framed once: by its length, or by chunks when that is unknown', async () => {
    const known = await headFor('POST / HTTP/1.1', ['Content-Length: 3'], 'abc');
    expect(known.match(/content-length|transfer-encoding/gi)).toEqual(['content-length']);
    const chunked = await headFor('POST / HTTP/1.1', ['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n');
    expect(chunked.match(/content-length|transfer-encoding/gi)).toEqual(['transfer-encoding']);
    expect(upstream.requests.at(-1)?.body.toString()).toBe('abc');
    await headFor('GET / HTTP/1.1', ['Content-Length: 0']);
    await headFor('POST / HTTP/1.1', ['Content-Length: 0']);
  });

  test('a request inside the chunks of another stays a body, on reused connections too', async () => {
    const inner = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n';
    const before = upstream.requests.length;
    for (const method of ['DELETE', 'OPTIONS', 'GET', 'POST']) {
      const body = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
      await headFor(`${method} /outer HTTP/1.1`, ['Transfer-Encoding: chunked'], body);
      await headFor(`${method} /outer HTTP/1.1`, [`Content-Length: ${inner.length}`], inner);
    }
    const targets = upstream.requests.slice(before).map(({ target }) => target);
    expect(targets).toEqual(Array.from({ length: 8 }, () => '/outer'));
  });

  test('Expect is answered here and never crosses', async () => {
    const bytes = 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc';
    const answer = await sendRaw(gateway.url, bytes);
    expect([answer.status, upstream.requests.at(-1)?.body.toString()]).toEqual([200, 'abc']);
    expect(upstream.requests.at(-1)?.head.toString()).not.toMatch(/expect/i);
  });
});

describe('towards the client', () => {
  async function headFrom(lines: readonly string[], status = '200 OK', body = 'ok'): Promise<string> {
    upstream.play(async (call) => {
      await call.received;
      await call.write(`${[`HTTP/1.1 ${status}`, ...lines].join('\r\n')}\r\n\r\n${body}`);
    });
    const answer = await sendRaw(gateway.url, 'GET / HTTP/1.1\r\nHost: gateway.example\r\n\r\n');
    return answer.raw.toString('latin1');
  }

  test('cookies stay one per line, latin1 text unchanged, and Via and the id are added', async () => {
    const lines = ['Set-Cookie: a=1, b', 'Set-Cookie: b=2', 'X-Latin: caf\xe9', 'ETag: W/"x"', 'Content-Length: 2'];
    const head = await headFrom(lines);
    for (const line of [...lines, 'Via: 1.1 gw-1']) expect(head).toContain(`\r\n${line}\r\n`);
    expect(head).toMatch(/\r\nX-Request-Id: req_[0-9a-f]{24}\r\n/);
  });

  test('no hop-by-hop or nominated line crosses, and the connection is ours to decide', async () => {
    const head = await headFrom([
      ...[
        'Connection: close, X-Named',
        'X-Named: bad',
        'Keep-Alive: timeout=bad',
        'Proxy-Authenticate: bad',
        'Trailer: bad',
      ],
      ...['X-Consumer-Id: bad', 'X-Forwarded-For: bad', 'X-Request-Id: bad', 'Content-Length: 2'],
    ]);
    expect(head).not.toContain('bad');
    expect(head).toContain('\r\nConnection: keep-alive\r\n');
  });

  test.each(['204 No Content', '304 Not Modified'])('%s has neither body nor length', async (status) => {
    expect(await headFrom(['Content-Length: 5'], status, '')).not.toMatch(/content-length|transfer-encoding/i);
  });

  test('a redirect to the upstream’s own address names the gateway', async () => {
    const head = await headFrom(
      [`Location: http://127.0.0.1:${upstream.port}/new?a`, 'Content-Length: 2'],
      '302 Found',
    );
    expect(head).toContain('\r\nLocation: http://gateway.example/new?a\r\n');
  });

  test.each(['X-A: a\x01b', 'X-A: a\0b', 'X-A: a\r b'])('%j never reaches a client', async (line) => {
    upstream.play((call) => call.write(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`));
    const answer = await sendRaw(gateway.url, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer.status).toBe(502);
  });
});
