// A client that is still sending when it is refused must see why: its answer may not be lost to a reset.
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream(answerOk);
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  small: { url: "${upstream.url}", auth: false, body_limit: 1MiB }
  keyed: { url: "${upstream.url}" }
`);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const BODY_BYTES = 8 * 1024 * 1024;
const REFUSALS: [string, number][] = [
  ['/small/x', 413],
  ['/keyed/x', 401],
];

async function withHttp(path: string, headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const req = request(`${gateway.url}${path}`, { method: 'POST', headers }, (res) => {
    res.resume();
    resolve(res.statusCode ?? 0);
  });
  req.on('error', reject);
  const piece = Buffer.alloc(64 * 1024);
  let left = BODY_BYTES;
  const write = (): void => {
    while (left > 0) {
      left -= piece.length;
      if (!req.write(piece)) return void req.once('drain', write);
    }
    req.end();
  };
  write();
  return promise;
}

describe.each(REFUSALS)('%s', (path, status) => {
  const head = `POST ${path} HTTP/1.1\r\nHost: g\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;

  test('node:http, with a length and chunked', async () => {
    for (const headers of [{ 'Content-Length': String(BODY_BYTES) }, { 'Transfer-Encoding': 'chunked' }])
      for (let i = 0; i < 2; i++) expect(await withHttp(path, headers)).toBe(status);
  });

  test('fetch', async () => {
    for (let i = 0; i < 3; i++) {
      const answer = await fetch(gateway.url + path, { method: 'POST', body: Buffer.alloc(BODY_BYTES) });
      expect(answer.status).toBe(status);
      await answer.text();
    }
  });

  test('a client that reads nothing before it has sent everything', async () => {
    const connection = await connectRaw(gateway.url);
    await connection.send(Buffer.concat([Buffer.from(head), Buffer.alloc(BODY_BYTES)]));
    expect(await connection.read()).toMatchObject({ status });
    connection.destroy();
  });

  test('and the connection ends when the client stops sending', async () => {
    const connection = await connectRaw(gateway.url);
    await connection.send(head + 'x'.repeat(1_000));
    expect(await connection.read()).toMatchObject({ status });
    connection.end();
    expect(await connection.closed).toBe('fin');
  });
});
