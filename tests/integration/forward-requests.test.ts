import { afterEach, describe, expect, test } from '@jest/globals';
import { type ForwardingServer, startForwardingServer } from '../support/forwarding-server.ts';
import { until } from '../support/poll.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: gateway.test\r\n\r\n';
const open: { close(): Promise<void> }[] = [];
type Options = Parameters<typeof startForwardingServer>[1];

async function start(script: Script, options?: Options): Promise<{ upstream: RawUpstream; server: ForwardingServer }> {
  const upstream = await startRawUpstream(script);
  const server = await startForwardingServer(upstream.url, options);
  open.push(server, upstream);
  return { upstream, server };
}

const silent: Script = () => {};

afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});

describe('request bodies', () => {
  test('a small body arrives as one piece with its length', async () => {
    const { server, upstream } = await start(answerOk);
    await sendRaw(server.url, 'POST /x?a=%2F HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello');
    expect(upstream.requests[0]).toMatchObject({ method: 'POST', target: '/x?a=%2F', isComplete: true });
    expect(upstream.requests[0]?.headers.get('content-length')).toBe('5');
    expect(upstream.requests[0]?.body.toString()).toBe('hello');
  });

  test('a chunked body passes through as it comes, chunked, byte for byte', async () => {
    const { server, upstream } = await start(answerOk);
    const client = await connectRaw(server.url);
    await client.send('POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await until(() => upstream.connections[0]?.bytes.includes('abc') ?? false);
    await client.send('2\r\nde\r\n0\r\n\r\n');
    expect(await client.read()).toMatchObject({ status: 200 });
    expect(upstream.requests[0]?.headers.get('transfer-encoding')).toBe('chunked');
    expect(upstream.requests[0]?.body.toString()).toBe('abcde');
    client.destroy();
  });

  test('a large body passes through whole, and the connection can be used again', async () => {
    const { server, upstream } = await start(answerOk);
    const body = Buffer.alloc(3 * 1024 * 1024, 'x');
    const client = await connectRaw(server.url);
    await client.send(`POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: ${body.length}\r\n\r\n`);
    await client.send(body);
    expect(await client.read()).toMatchObject({ status: 200 });
    expect(upstream.requests[0]?.body.equals(body)).toBe(true);
    await client.send(GET);
    expect(await client.read()).toMatchObject({ status: 200 });
    client.destroy();
  });

  test('a chunked body over the limit ends the attempt; the client hears why', async () => {
    const { server } = await start(silent, { bodyLimit: 4 });
    const answer = await sendRaw(
      server.url,
      'POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n',
    );
    expect(answer).toMatchObject({ status: 502, text: 'request_body' });
    expect(server.exchanges[0]?.body.rejection).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });

  test('100 is sent only when the body is wanted, and the upstream never sees Expect', async () => {
    const { server, upstream } = await start(answerOk);
    const client = await connectRaw(server.url);
    await client.send('POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect(await client.readHead()).toMatchObject({ status: 100 });
    await client.send('ok');
    expect(await client.read()).toMatchObject({ status: 200 });
    expect(upstream.requests[0]?.headers.all('expect')).toEqual([]);
    client.destroy();
  });

  test('an upstream that answers before it has read the body is heard, and the connection is not used again', async () => {
    const { server, upstream } = await start((call) => call.answer(413, 'too much'));
    const client = await connectRaw(server.url);
    await client.send(`POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(100_000)}`);
    expect(await client.read()).toMatchObject({ status: 413, text: 'too much' });
    client.destroy();
    upstream.play(answerOk);
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200 });
    expect(upstream.connections.length).toBe(2);
  });
});

describe('deadlines', () => {
  test('an upstream that never answers is a timeout, and its connection is closed', async () => {
    const { server, upstream } = await start(silent, { timeouts: { first_byte: 60 } });
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 502, text: 'first_byte_timeout' });
    await upstream.connections[0]?.closed;
    await until(() => server.target.inFlight === 0);
  });

  test('interim answers do not prolong the wait for the headers', async () => {
    const { server } = await start(
      async (call) => {
        for (let i = 0; i < 4; i++) await call.write('HTTP/1.1 102 Processing\r\n\r\n');
      },
      { timeouts: { first_byte: 80 } },
    );
    expect(await sendRaw(server.url, GET)).toMatchObject({ text: 'first_byte_timeout' });
  });

  test('an upstream that stalls in the middle of its body leaves an unclean end', async () => {
    const { server, upstream } = await start((call) => call.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'), {
      timeouts: { idle: 60 },
    });
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200, text: 'abc', isComplete: false });
    expect(server.exchanges[0]).toMatchObject({ outcome: 'truncated', rejection: { code: 'UPSTREAM_TIMEOUT' } });
    await upstream.connections[0]?.closed;
  });

  test('while the client still sends, the upstream is not waited for', async () => {
    const { server } = await start(answerOk, { timeouts: { first_byte: 60, idle: 60 } });
    const client = await connectRaw(server.url);
    await client.send('POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n');
    const began = performance.now();
    for (let i = 1; performance.now() - began < 400; i++) {
      await client.send('1\r\nx\r\n');
      await until(() => (server.exchanges[0]?.body.bytesRead ?? 0) >= i);
      await until(() => performance.now() - began > i * 45);
    }
    await client.send('0\r\n\r\n');
    expect(await client.read()).toMatchObject({ status: 200 });
    client.destroy();
    expect(server.failures).toEqual([]);
  });

  test('the wait for the answer begins with the last byte of a body', async () => {
    const { server, upstream } = await start(silent, { timeouts: { first_byte: 80 } });
    const client = await connectRaw(server.url);
    await client.send('POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n');
    await until(() => upstream.connections[0]?.bytes.includes('1\r\nx') ?? false);
    const sentAt = performance.now();
    await client.send('0\r\n\r\n');
    expect(await client.read()).toMatchObject({ text: 'first_byte_timeout' });
    expect(performance.now() - sentAt).toBeGreaterThan(79);
    client.destroy();
  });

  test.each([
    ['passes through', 32 * 1024 * 1024],
    ['was gathered', 250 * 1024],
  ])('a body that %s and that the upstream stops reading is the fault of the upstream', async (_name, length) => {
    const stopReading: Script = ({ socket }) => void socket.pause();
    const { server } = await start(stopReading, { timeouts: { idle: 150, first_byte: 300 } });
    const client = await connectRaw(server.url);
    void client
      .send(`POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`)
      .catch(() => {});
    // What fits into the buffers of the kernel has been taken.
    const kind = length > 1024 * 1024 ? 'write_timeout' : /write_timeout|first_byte_timeout/;
    expect((await client.read()).text).toMatch(kind);
    client.destroy();
    expect(server.exchanges[0]?.body.rejection).toBeUndefined();
  });

  test('an upstream that reads slowly is waited for as long as it reads', async () => {
    const { server, upstream } = await start(
      async (call) => {
        const { socket } = call;
        for (let i = 0; i < 12; i++) {
          socket.pause();
          const now = performance.now();
          await until(() => performance.now() - now > 150);
          socket.resume();
          const { length } = call.request.connection.bytes;
          await until(() => call.request.isComplete !== undefined || call.request.connection.bytes.length > length);
        }
        await call.received;
        await call.answer(200, 'ok');
      },
      { timeouts: { idle: 1_500 } },
    );
    const body = Buffer.alloc(12 * 1024 * 1024, 'x');
    const client = await connectRaw(server.url);
    await client.send(`POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: ${body.length}\r\n\r\n`);
    await client.send(body);
    expect(await client.read({ timeoutMs: 20_000 })).toMatchObject({ status: 200, text: 'ok' });
    expect(upstream.requests[0]?.body.length).toBe(body.length);
    client.destroy();
  });

  test('a body of 200 KiB goes out in pieces, with its length and whole', async () => {
    const { server, upstream } = await start(answerOk);
    const body = Buffer.from(Array.from({ length: 200 * 1024 }, (_, i) => i % 251));
    const client = await connectRaw(server.url);
    await client.send(`POST /x HTTP/1.1\r\nHost: g\r\nContent-Length: ${body.length}\r\n\r\n`);
    await client.send(body);
    expect(await client.read()).toMatchObject({ status: 200 });
    expect(upstream.requests[0]?.headers.get('content-length')).toBe(String(body.length));
    expect(upstream.requests[0]?.body.equals(body)).toBe(true);
    client.destroy();
  });

  test('a client that breaks off its body is never the fault of the upstream', async () => {
    const { server, upstream } = await start(silent);
    for (const way of ['reset', 'destroy'] as const) {
      const client = await connectRaw(server.url);
      await client.send('POST /x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n');
      await until(() => upstream.connections.at(-1)?.bytes.includes('1\r\nx') ?? false);
      client[way]();
      await upstream.connections.at(-1)?.closed;
    }
    await until(() => server.failures.length === 2);
    for (const { kind } of server.failures) expect(['client_aborted', 'request_body']).toContain(kind);
  });

  test('an event stream may be idle for as long as streams may', async () => {
    const { server } = await start(
      async (call) => {
        await call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      },
      { timeouts: { idle: 20, idle_streamed: 150 } },
    );
    const began = performance.now();
    const answer = await sendRaw(server.url, GET);
    expect(performance.now() - began).toBeGreaterThan(140);
    expect(answer.text).toContain('UPSTREAM_TIMEOUT');
  });

  test('the total bounds the whole exchange', async () => {
    const { server } = await start(silent, { timeouts: { total: 60 } });
    expect(await sendRaw(server.url, GET)).toMatchObject({ text: 'total_timeout' });
  });

  test('a target nobody listens on is refused, provably unsent', async () => {
    const { server, upstream } = await start(answerOk);
    await upstream.close();
    expect(await sendRaw(server.url, GET)).toMatchObject({ text: 'refused' });
    expect(server.failures[0]).toMatchObject({ kind: 'refused', sent: false });
  });
});

describe('clients that leave', () => {
  test.each(['reset', 'destroy'] as const)('%s before the answer: the upstream is let go at once', async (way) => {
    const { server, upstream } = await start(silent);
    const client = await connectRaw(server.url);
    await client.send(GET);
    await until(() => upstream.requests.length === 1);
    client[way]();
    await upstream.connections[0]?.closed;
    await until(() => server.target.inFlight === 0);
    expect(server.failures[0]).toMatchObject({ kind: 'client_aborted' });
  });

  test('in the middle of a stream: the upstream is let go, and nothing is called truncated', async () => {
    const { server, upstream } = await start((call) =>
      call.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
      ),
    );
    const client = await connectRaw(server.url);
    await client.send(GET);
    await client.readThrough('data: 1');
    client.destroy();
    await upstream.connections[0]?.closed;
    expect(server.exchanges[0]?.outcome).toBe('completed');
  });

  test('a client that never reads stops the upstream', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    let written = 0;
    const { server } = await start(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      while (!call.socket.destroyed && written < 64 * 1024 * 1024) {
        if (!call.socket.write(piece))
          await new Promise((resolve) => call.socket.once('drain', resolve).once('close', resolve));
        written += piece.length;
      }
    });
    const client = await connectRaw(server.url);
    client.socket.pause();
    await client.send(GET);
    await until(() => written > 0);
    const settled = async (): Promise<number> => {
      const before = written;
      await until(() => server.exchanges[0]?.res.writableNeedDrain ?? false);
      return before;
    };
    await settled();
    expect(server.exchanges[0]?.res.writableLength).toBeLessThan(256 * 1024);
    client.destroy();
  });
});

test('over its connection cap a target is not called, and nothing waits', async () => {
  const { server, upstream } = await start(silent, { maxConnections: 1 });
  const first = await connectRaw(server.url);
  await first.send(GET);
  await until(() => upstream.requests.length === 1);
  expect(await sendRaw(server.url, GET)).toMatchObject({ text: 'overloaded' });
  expect(upstream.requests.length).toBe(1);
  first.destroy();
  await until(() => server.target.inFlight === 0);
});

test('connections are kept and reused', async () => {
  const { server, upstream } = await start(answerOk);
  for (let i = 0; i < 5; i++) expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200 });
  expect(upstream.connections.length).toBe(1);
});
