import { afterEach, describe, expect, test } from '@jest/globals';
import { type ForwardingServer, startForwardingServer } from '../support/forwarding-server.ts';
import { until } from '../support/poll.ts';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { inTurn, type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: gateway.test\r\n\r\n';
const open: { close(): Promise<void> }[] = [];

async function start(script: Script, options = {}): Promise<{ upstream: RawUpstream; server: ForwardingServer }> {
  const upstream = await startRawUpstream(script);
  const server = await startForwardingServer(upstream.url, options);
  open.push(server, upstream);
  return { upstream, server };
}

function writes(...pieces: string[]): Script {
  return async (call) => {
    await call.received;
    for (const piece of pieces) await call.write(piece);
  };
}

afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});

describe('a sound answer', () => {
  test('passes status, header order, case and duplicates, and the body byte for byte', async () => {
    const head = 'HTTP/1.1 201 Made\r\nX-B: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nx-latin: caf\xe9\r\n';
    const { server } = await start(writes(`${head}Content-Length: 5\r\n\r\n`, 'he', 'llo'));
    const answer = await sendRaw(server.url, GET);
    expect(answer).toMatchObject({ status: 201, text: 'hello', isComplete: true });
    expect(answer.headers.lines.slice(0, 4)).toEqual([
      ['X-B', '1'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['x-latin', 'caf\xe9'],
    ]);
  });

  test.each([
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'],
    [
      'with trailers, which are dropped',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-T: 1\r\n\r\n',
    ],
  ])('is passed when it is %s', async (_name, bytes) => {
    const { server } = await start(writes(bytes));
    const answer = await sendRaw(server.url, GET);
    expect(answer).toMatchObject({ status: 200, text: 'abcde', isComplete: true });
    expect(answer.trailers.lines).toEqual([]);
  });

  test('tells how long the target takes to answer', async () => {
    const { server } = await start(writes('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    expect(server.target.latency.ms).toBe(0);
    await sendRaw(server.url, GET);
    expect(server.target.latency.ms).toBeGreaterThan(0);
  });

  test('that ends with its connection is complete', async () => {
    const { server } = await start(async (call) => {
      await call.write('HTTP/1.0 200 OK\r\n\r\nabc');
      call.end();
    });
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200, text: 'abc', isComplete: true });
  });

  test.each([204, 304])('with status %i has no body, whatever the upstream adds', async (status) => {
    const { server } = await start(writes(`HTTP/1.1 ${status} X\r\n\r\nsurplus`));
    const client = await connectRaw(server.url);
    await client.send(GET);
    expect(await client.read()).toMatchObject({ status, text: '' });
    await client.send(GET);
    expect(await client.read()).toMatchObject({ status });
    client.destroy();
  });

  test('to HEAD keeps its length and has no body; the next request on the connection is answered rightly', async () => {
    const { server } = await start(writes('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'));
    const client = await connectRaw(server.url);
    await client.send('HEAD /x HTTP/1.1\r\nHost: g\r\n\r\n');
    const head = await client.read({ method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe('5');
    await client.send('HEAD /y HTTP/1.1\r\nHost: g\r\n\r\n');
    expect(await client.read({ method: 'HEAD' })).toMatchObject({ status: 200 });
    client.destroy();
  });

  test('reaches the client chunk by chunk, headers first', async () => {
    let release = (): void => {};
    const { server } = await start(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      await call.write('b\r\ndata: one\n\n\r\n0\r\n\r\n');
    });
    const client = await connectRaw(server.url);
    await client.send(GET);
    expect(await client.readHead()).toMatchObject({ status: 200 });
    release();
    expect(await client.readThrough('data: one\n\n')).toContain('data: one');
    client.destroy();
  });
});

describe('interim answers', () => {
  const FINAL = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const LINKS = [
    '</a.css>; rel=preload',
    '</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script',
    '</a.css>; rel="preload prefetch"',
    '</a.css>; rel=preload; title="a b; c, d"',
    '</a.png>; rel=preload; imagesrcset="a.png 1x, b.png 2x"',
    '</a.css>; rel=preload;',
    '</a.css>;rel=preload;nopush',
    '',
    'no link at all',
    '</caf\xe9>; rel=preload',
  ];

  test.each(LINKS)('103 passes with "Link: %s" as it is, and the final answer follows', async (link) => {
    const { server } = await start(writes(`HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\nX-Other: 1\r\n\r\n${FINAL}`));
    const answer = await sendRaw(server.url, GET);
    expect(answer.interim.map(({ status, headers }) => [status, headers.lines])).toEqual([[103, [['Link', link]]]]);
    expect(answer).toMatchObject({ status: 200, text: 'ok' });
  });

  const INTERIM = [
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 100\r\n\r\n',
    'HTTP/1.0 100 Continue\r\n\r\n',
    'HTTP/1.1 100 Continue\r\nX: y\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 102 Processing\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\n\r\n',
    'HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 5\r\n\r\n',
    'HTTP/1.1 199 Whatever\r\n\r\n',
  ];

  test.each([...INTERIM, INTERIM.join(''), `${INTERIM[0]}`.repeat(3), `${INTERIM[4]}`.repeat(60)])(
    '%j before the final answer: the client gets that one, in one piece, in two and byte by byte',
    async (interim) => {
      const bytes = interim + FINAL;
      const { server } = await start(writes(bytes));
      const upstream = open.at(-1) as RawUpstream;
      const client = await connectRaw(server.url);
      const ways = [[bytes], [interim, FINAL], bytes.length > 400 ? [bytes] : bytes.split('')];
      for (const pieces of ways) {
        upstream.play(writes(...pieces));
        await client.send(GET);
        expect(await client.read()).toMatchObject({ status: 200, text: 'ok' });
      }
      client.destroy();
      expect(server.failures).toEqual([]);
      expect(upstream.connections.length).toBe(1);
    },
  );

  test('a body that looks like an interim answer passes as it is', async () => {
    const body = 'HTTP/1.1 100 Continue\r\n\r\n';
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${2 * body.length}\r\n\r\n`;
    const { server } = await start(writes('HTTP/1.1 100 Continue\r\n\r\n', head, body, body));
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200, text: body + body });
  });

  test('HTTP/1.0 clients get no interim answer', async () => {
    const { server } = await start(writes(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${FINAL}`));
    expect(await sendRaw(server.url, 'GET /x HTTP/1.0\r\n\r\n')).toMatchObject({
      interim: [],
      status: 200,
      text: 'ok',
    });
  });

  test('an endless row of them is an invalid response', async () => {
    const { server } = await start(writes('HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_001)));
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 502, text: 'invalid_response' });
  });
});

describe('an answer that is no answer', () => {
  test.each([
    ['an unsolicited 101', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['a bare 101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a status below 100', 'HTTP/1.1 099 X\r\n\r\n'],
    ['a status above 599', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['a length beside chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['something else than HTTP', '220 mail.test ESMTP\r\n\r\n'],
    ['a header with a bare CR', 'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n'],
    ['a protocol of another kind', 'ICE/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['the protocol of cameras', 'RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/2 in words', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/0.9', 'HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n'],
    ['a CR in the reason', 'HTTP/1.1 200 OK\r\rContent-Length: 0\r\n\r\n'],
    ['a line end before the status line', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
    ['lines that end with LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
    ['a line that ends with LF', 'HTTP/1.1 200 OK\r\nX: y\nContent-Length: 2\n\nok'],
    ['a coding nobody asked for', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['a coding behind chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    ['gzip alone', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhi'],
    ['identity', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhi'],
    ['an empty coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhi'],
    ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
    [
      'chunked in two lines',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    ],
    ['chunked with a parameter', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;a=b\r\n\r\n2\r\nhi\r\n0\r\n\r\n'],
  ])('%s is an invalid response, and the gateway lives on', async (_name, bytes) => {
    const { server, upstream } = await start(writes(bytes));
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 502, text: 'invalid_response' });
    upstream.play(writes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200, text: 'ok' });
    await until(() => server.target.inFlight === 0);
  });

  test.each([
    ['in one line', 'a'.repeat(66_000)],
    ['in many', 'a\r\nX: '.repeat(14_000)],
  ])('a head over 64 KiB %s is named as such', async (_name, value) => {
    const { server } = await start(writes(`HTTP/1.1 200 OK\r\nX: ${value}\r\n\r\n`));
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 502, text: 'head_too_large' });
  });

  test('a head of 60 KiB passes', async () => {
    const { server } = await start(
      writes(`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(60_000)}\r\nContent-Length: 2\r\n\r\nok`),
    );
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 200, text: 'ok' });
  });

  test.each(['chunked\t', '\tchunked', ' \t chunked \t ', 'Chunked', 'CHUNKED\t'])(
    'Transfer-Encoding:%j is chunked, at every cut',
    async (value) => {
      const bytes = `HTTP/1.1 200 OK\r\nX: a\tb\r\nTransfer-Encoding:${value}\r\n\r\n2\r\nhi\r\n0\r\n\r\n`;
      const { server, upstream } = await start(writes(bytes));
      const client = await connectRaw(server.url);
      for (let cut = 0; cut < bytes.length; cut += 3) {
        upstream.play(writes(...[bytes.slice(0, cut), bytes.slice(cut)].filter((piece) => piece !== '')));
        await client.send(GET);
        const answer = await client.read();
        expect(answer).toMatchObject({ status: 200, text: 'hi' });
        expect(answer.headers.get('x')).toBe('a\tb');
      }
      client.destroy();
    },
  );

  test('a second answer glued to the first never reaches a client', async () => {
    const { server } = await start(
      inTurn(
        writes('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'),
        writes('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood'),
      ),
    );
    expect(await sendRaw(server.url, GET)).toMatchObject({ text: 'ok' });
    expect(await sendRaw(server.url, GET)).toMatchObject({ text: 'good' });
  });
});

describe('a body that ends with its connection', () => {
  test.each(['HTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\n', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'])(
    'of %j is not vouched for: the connection to the client ends with it',
    async (head) => {
      const { server } = await start(async (call) => {
        await call.write(`${head}{"id": "x", "obj`);
        call.end();
      });
      const client = await connectRaw(server.url);
      await client.send(GET);
      const answer = await client.read();
      expect(answer).toMatchObject({ status: 200, text: '{"id": "x", "obj' });
      expect(answer.headers.get('connection')).toBe('close');
      expect(answer.headers.get('transfer-encoding')).toBeUndefined();
      client.destroy();
    },
  );

  test('that is cut is reset towards HTTP/1.0, which knows no other sign', async () => {
    const { server } = await start(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n');
      call.reset();
    });
    const client = await connectRaw(server.url);
    await client.send('GET /x HTTP/1.0\r\n\r\n');
    expect(await client.closed).toBe('reset');
  });
});

describe('an upstream that dies', () => {
  test.each([
    ['without a length', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['with Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n'],
  ])('in a body %s that its connection ends: a reset is no end', async (_name, head) => {
    const { server } = await start(async (call) => {
      await call.write(`${head}partial`);
      await until(() => server.exchanges[0]?.bytesOut === 7);
      call.reset();
    });
    const client = await connectRaw(server.url);
    await client.send(GET);
    expect(await client.closed).toBe('reset');
    expect(server.exchanges[0]).toMatchObject({ outcome: 'truncated' });
  });

  test('before it answers is a reset', async () => {
    const { server } = await start((call) => call.reset());
    expect(await sendRaw(server.url, GET)).toMatchObject({ status: 502, text: 'reset' });
    expect(server.failures[0]).toMatchObject({ kind: 'reset', sent: true });
  });

  test('in the middle of a body leaves the client with an unclean end', async () => {
    const { server } = await start(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
      call.reset();
    });
    const answer = await sendRaw(server.url, GET);
    expect(answer).toMatchObject({ status: 200, text: 'abc', isComplete: false });
    expect(server.exchanges[0]).toMatchObject({ outcome: 'truncated' });
  });

  test('in the middle of an event stream is reported in one error event, and the stream ends in order', async () => {
    const { server } = await start(async (call) => {
      await call.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
      );
      call.reset();
    });
    const answer = await sendRaw(server.url, GET);
    expect(answer.text).toMatch(/^data: 1\n\nevent: error\ndata: \{.*"code":"UPSTREAM_ERROR".*\}\n\n$/);
    expect(answer.isComplete).toBe(true);
    expect(server.exchanges[0]).toMatchObject({ outcome: 'truncated' });
  });
});
