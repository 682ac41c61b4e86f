import { afterEach, describe, expect, test } from '@jest/globals';
import { until } from './poll.ts';
import { connectRaw, sendRaw } from './raw-client.ts';
import { answerOk, inTurn, type RawUpstream, type Script, startRawUpstream } from './raw-upstream.ts';

let upstream: RawUpstream;
afterEach(async () => {
  await upstream.close();
  expect(upstream.failures).toEqual([]);
});

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('the raw upstream', () => {
  test('records the request line, the headers in order and case, and the body', async () => {
    upstream = await startRawUpstream();
    const head = 'POST /%zz?q HTTP/1.1\r\nhOST: a\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 3\r\n\r\n';
    await sendRaw(upstream.url, `${head}abc`);
    expect(upstream.requests).toHaveLength(1);
    expect(upstream.requests[0]).toMatchObject({ method: 'POST', target: '/%zz?q', isComplete: true });
    expect(upstream.requests[0]?.head.toString()).toBe(head);
    expect(upstream.requests[0]?.headers.lines.slice(0, 2)).toEqual([
      ['hOST', 'a'],
      ['X-A', '1'],
    ]);
    expect(upstream.requests[0]?.headers.all('X-a')).toEqual(['1', '2']);
    expect(upstream.requests[0]?.body.toString()).toBe('abc');
  });

  test('reads a chunked body, and two requests glued together as two', async () => {
    upstream = await startRawUpstream();
    const chunked = 'POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: 1\r\n\r\n';
    const client = await connectRaw(upstream.url);
    await client.send(chunked + get);
    expect([(await client.read()).text, (await client.read()).text]).toEqual(['ok', 'ok']);
    expect(upstream.requests.map((request) => request.body.toString())).toEqual(['abc', '']);
    expect(upstream.connections).toHaveLength(1);
    client.destroy();
  });

  test('says when a body stopped half way and how the connection ended', async () => {
    upstream = await startRawUpstream();
    const client = await connectRaw(upstream.url);
    await client.send('POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc');
    await until(() => upstream.connections[0]?.bytes.includes('abc'));
    client.reset();
    expect(await upstream.connections[0]?.closed).toBe('reset');
    await until(() => upstream.requests[0]?.isComplete === false);
    expect(upstream.requests[0]?.body.toString()).toBe('abc');
  });

  test('answers before the body has come', async () => {
    upstream = await startRawUpstream((call) => call.answer(413));
    const client = await connectRaw(upstream.url);
    await client.send('POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n');
    expect((await client.read()).status).toBe(413);
    client.destroy();
  });

  test('gives each request its script, and a new one from then on', async () => {
    const status =
      (code: number): Script =>
      (call) =>
        call.answer(code);
    upstream = await startRawUpstream(inTurn(status(500), status(201)));
    const statuses = [
      await sendRaw(upstream.url, get),
      await sendRaw(upstream.url, get),
      await sendRaw(upstream.url, get),
    ];
    expect(statuses.map((res) => res.status)).toEqual([500, 201, 201]);
    upstream.play(answerOk);
    expect((await sendRaw(upstream.url, get)).status).toBe(200);
  });

  test('is gone after close and back on its port after reopen', async () => {
    upstream = await startRawUpstream();
    await upstream.close();
    await expect(connectRaw(upstream.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await upstream.reopen();
    expect((await sendRaw(upstream.url, get)).text).toBe('ok');
  });

  test('carries a tunnel after an upgrade', async () => {
    upstream = await startRawUpstream(async (call) => {
      await call.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
      await call.write(`echo ${(await call.readTunnel()).toString()}`);
    });
    const client = await connectRaw(upstream.url);
    await client.send(get);
    expect((await client.readHead()).status).toBe(101);
    await client.send('ping');
    expect(await client.readThrough('ping')).toBe('echo ping');
    client.destroy();
  });
});

describe('the raw client', () => {
  const play = async (bytes: string, after: 'end' | 'reset' | 'nothing' = 'end') => {
    upstream = await startRawUpstream(async (call) => {
      await call.write(bytes);
      if (after !== 'nothing') call[after]();
    });
  };

  test('reads status, repeated headers, chunked body and trailers', async () => {
    await play(
      'HTTP/1.1 200 Fine\r\nSet-Cookie: a\r\nset-cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n',
    );
    const res = await sendRaw(upstream.url, get);
    expect(res).toMatchObject({ status: 200, statusText: 'Fine', text: 'abc', isComplete: true });
    expect(res.headers.all('set-cookie')).toEqual(['a', 'b']);
    expect(() => res.headers.get('set-cookie')).toThrow('came 2 times');
    expect(res.trailers.get('t')).toBe('1');
  });

  test.each([
    ['a length', 'Content-Length: 9\r\n\r\nabc'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n9\r\nabc'],
  ])('gives what came of a body cut short, framed by %s', async (_framing, rest) => {
    await play(`HTTP/1.1 200 OK\r\n${rest}`);
    expect(await sendRaw(upstream.url, get)).toMatchObject({ text: 'abc', isComplete: false });
  });

  test('reads to the end where no length is given, and no body after HEAD, 204 or 304', async () => {
    await play('HTTP/1.1 200 OK\r\n\r\nabc');
    expect((await sendRaw(upstream.url, get)).text).toBe('abc');
    await upstream.close();
    await play('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 'nothing');
    expect(await sendRaw(upstream.url, get, { method: 'HEAD' })).toMatchObject({ text: '', isComplete: true });
  });

  test('keeps interim answers apart from the final one', async () => {
    await play('HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 None\r\n\r\n');
    const res = await sendRaw(upstream.url, get);
    expect(res.status).toBe(204);
    expect(res.interim.map((head) => [head.status, head.headers.get('link')])).toEqual([[103, 'a']]);
  });

  test('tells an orderly end from a reset', async () => {
    for (const [after, closed] of [
      ['end', 'fin'],
      ['reset', 'reset'],
    ] as const) {
      await play('HTTP/1.1 204 None\r\n\r\n', after);
      const client = await connectRaw(upstream.url);
      await client.send(get);
      expect(await client.closed).toBe(closed);
      client.destroy();
      await upstream.close();
    }
  });

  test('gives up at its deadline and shows what came', async () => {
    await play('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', 'nothing');
    await expect(sendRaw(upstream.url, get, { timeoutMs: 100 })).rejects.toThrow(/100 ms.*abc/);
  });

  test('sends one byte per packet', async () => {
    upstream = await startRawUpstream();
    const client = await connectRaw(upstream.url);
    await client.sendSlowly(get);
    expect((await client.read()).text).toBe('ok');
    client.destroy();
  });
});
