// An upstream that lies: about where its answer ends, what belongs to it, and where the client should go next.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/poll.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let victim: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream();
  victim = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  open: { url: "${upstream.url}/base", auth: false, circuit_breaker: false, retry: false, timeout: { first_byte: 1s, idle: 1s } }
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await victim.close();
});

const get = (path: string, host = 'g.test'): string => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

function playBytes(bytes: string, endsAfter = false): void {
  upstream.play(async (call) => {
    await call.received;
    await call.write(bytes);
    if (endsAfter) call.end();
  });
}

const EVIL = 'HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil';

describe('an answer of doubtful length or form is 502, and the next one on the same connection is right', () => {
  test.each([
    [
      'length and chunked',
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ],
    [
      'chunked and length',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    ],
    ['two lengths', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\nok${EVIL}`],
    ['a list of lengths', `HTTP/1.1 200 OK\r\nContent-Length: 2, 40\r\n\r\nok${EVIL}`],
    ['a signed length', `HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok`],
    ['a folded line', `HTTP/1.1 200 OK\r\nX-A: a\r\n X-Evil: 1\r\nContent-Length: 2\r\n\r\nok`],
    ['a bare LF', `HTTP/1.1 200 OK\r\nX-A: a\nX-Evil: 1\r\nContent-Length: 2\r\n\r\nok`],
    ['a bare CR', `HTTP/1.1 200 OK\r\nX-A: a\rX-Evil: 1\r\nContent-Length: 2\r\n\r\nok`],
    ['a NUL', `HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok`],
    ['a space in a name', `HTTP/1.1 200 OK\r\nX A: a\r\nContent-Length: 2\r\n\r\nok`],
    ['a status of 99', `HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok`],
    ['a status of 700', `HTTP/1.1 700 X\r\nContent-Length: 2\r\n\r\nok`],
    ['an upgrade nobody asked for', `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${EVIL}`],
    ['headers without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\nContent-Length: 2\r\n\r\nok`],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9\r\n'],
  ])('%s', async (_name, bytes) => {
    playBytes(bytes);
    const connection = await connectRaw(gateway.url);
    await connection.send(get('/open/bad'));
    const answer = await connection.read();
    expect(answer).toMatchObject({ status: 502, isComplete: true });
    expect(answer.raw.toString() + answer.text).not.toMatch(/evil|SSH/i);
    upstream.play(answerOk);
    await connection.send(get('/open/good'));
    expect(await connection.read()).toMatchObject({ status: 200, text: 'ok' });
    connection.destroy();
  });
});

describe('bytes that belong to nobody reach nobody', () => {
  test.each([
    ['a second answer behind the first', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${EVIL}`],
    ['a body of 204', `HTTP/1.1 204 No Content\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`],
    ['a body of 304', `HTTP/1.1 304 Not Modified\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`],
    [
      'trailers',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Evil: 1\r\nSet-Cookie: evil\r\n\r\n`,
    ],
  ])('%s', async (_name, bytes) => {
    const connection = await connectRaw(gateway.url);
    for (let round = 0; round < 5; round++) {
      playBytes(bytes);
      await connection.send(get('/open/bad'));
      await connection.read();
      upstream.play(answerOk);
      await connection.send(get('/open/good'));
      expect((await connection.read()).text).toBe('ok');
    }
    expect(connection.bytes.toString()).not.toMatch(/evil/i);
    connection.destroy();
  });

  test('an answer sent while its connection idles is never given to the next client', async () => {
    for (let round = 0; round < 20; round++) {
      const { promise: written, resolve } = Promise.withResolvers<void>();
      upstream.play(async (call) => {
        await call.answer(200, 'ok');
        setTimeout(
          () =>
            void call
              .write(EVIL)
              .catch(() => undefined)
              .then(resolve),
          round % 5,
        );
      });
      expect((await sendRaw(gateway.url, get('/open/first'))).text).toBe('ok');
      await written;
      upstream.play(answerOk);
      expect((await sendRaw(gateway.url, get('/open/next'))).text).toBe('ok');
    }
  });

  test('the body of an answer to HEAD', async () => {
    playBytes(`HTTP/1.1 200 OK\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`);
    const connection = await connectRaw(gateway.url);
    await connection.send(get('/open/x').replace('GET', 'HEAD'));
    await connection.read({ method: 'HEAD' });
    upstream.play(answerOk);
    await connection.send(get('/open/good'));
    expect((await connection.read()).text).toBe('ok');
    connection.destroy();
  });
});

describe('a redirect of the upstream', () => {
  const locationFor = async (location: string, host = 'g.test'): Promise<string | undefined> => {
    upstream.play((call) => call.answer(302, '', { Location: location }));
    return (await sendRaw(gateway.url, get('/open/x', host))).headers.get('location');
  };

  test.each([301, 302, 303, 307, 308])('with %i is told to the client, never followed', async (status) => {
    upstream.play((call) => call.answer(status, '', { Location: `${victim.url}/internal` }));
    expect(await sendRaw(gateway.url, get('/open/x'))).toMatchObject({ status });
    expect(victim.requests).toEqual([]);
  });

  test('to its own address names the gateway, and nothing but its own address does', async () => {
    const own = upstream.url;
    expect(await locationFor(`${own}/base/new?a`)).toBe('http://g.test/open/new?a');
    for (const foreign of [
      `${own}@evil.test/base/`,
      `${own}.evil.test/base/x`,
      `${own}/basement`,
      `${own}/other`,
      '//evil.test/x',
    ])
      expect(await locationFor(foreign)).toBe(foreign);
    expect(await locationFor(`${own}/base//evil.test`)).toBe('http://g.test/open//evil.test');
  });

  test('takes its host from the one valid Host line and never from a forwarding header', async () => {
    upstream.play((call) => call.answer(302, '', { Location: `${upstream.url}/base/new` }));
    const forged = 'X-Forwarded-Host: evil.test\r\nX-Host: evil.test\r\nForwarded: host=evil.test\r\n';
    const answer = await sendRaw(gateway.url, `GET /open/x HTTP/1.1\r\nHost: g.test\r\n${forged}\r\n`);
    expect(answer.headers.get('location')).toBe('http://g.test/open/new');
  });
});

test('headers by which a gateway speaks are the gateway’s own', async () => {
  upstream.play((call) =>
    call.answer(200, 'ok', {
      'X-Request-Id': 'evil',
      'X-Gateway-Attempts': 'evil',
      'X-Consumer-Id': 'evil',
      'Proxy-Authenticate': 'evil',
      Connection: 'X-Named, close',
      'X-Named': 'evil',
      constructor: 'fine',
    }),
  );
  const answer = await sendRaw(gateway.url, get('/open/x'));
  expect(answer.raw.toString()).not.toContain('evil');
  expect(answer.headers.get('constructor')).toBe('fine');
});

describe('an upstream that wears the gateway out', () => {
  test('by interim answers without end is 502', async () => {
    playBytes('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(10_000));
    expect(await sendRaw(gateway.url, get('/open/x'))).toMatchObject({ status: 502 });
  });

  test('by chunks of one byte is passed on as it comes', async () => {
    playBytes(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`);
    expect((await sendRaw(gateway.url, get('/open/x'))).body.length).toBe(20_000);
  });

  test('by a body without end stops when the client stops reading', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const { promise: stuck, resolve } = Promise.withResolvers<void>();
    upstream.play(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\n\r\n');
      while (call.socket.writable) {
        const timer = setTimeout(resolve, 300);
        await call.write(chunk);
        clearTimeout(timer);
        written += chunk.length;
      }
    });
    const connection = await connectRaw(gateway.url);
    await connection.send(get('/open/endless'));
    await connection.readHead();
    connection.socket.pause();
    await stuck;
    expect(written).toBeLessThan(32 * 1024 * 1024);
    connection.destroy();
    await until(() => gateway.gateway.running.size === 0);
  });
});

test('its words never reach a client through an error', async () => {
  for (const bytes of [`HTTP/1.1 200 <b>evil ${API_KEY}\r\nBad Header: evil\r\n\r\n`, 'evil evil evil']) {
    playBytes(bytes, true);
    const answer = await sendRaw(gateway.url, get('/open/x'));
    expect(answer.status).toBe(502);
    expect(answer.raw.toString() + answer.text).not.toMatch(/evil|127\.0\.0\.1/);
  }
});
