// What a client writes never becomes a label: a thousand inventions cost the metrics page nothing.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectRaw, sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await startRawUpstream(answerOk);
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, failed_auth: { limit: 3, window: 10m } }
services:
  open: { url: "${upstream.url}", auth: false }
  keyed: { url: "${upstream.url}", rate_limit: 5 }
`);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'MKCOL', 'PURGE', 'M-SEARCH', 'QUERY'];

/** One round of everything a client chooses, all of it new. */
async function wander(seed: string): Promise<void> {
  const connection = await connectRaw(gateway.url);
  for (const [i, method] of METHODS.entries()) {
    for (const start of ['open', 'keyed', 'no', 'admin', 'v1', 'service/open']) {
      const lines = [`Host: h${seed}${i}.test`, `X-API-Key: key-${seed}-${i}`, `User-Agent: agent-${seed}-${i}`];
      await connection.send(`${method} /${start}/${seed}/${i}?q=${seed} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      await connection.read({ method });
    }
  }
  connection.destroy();
  await sendRaw(gateway.url, `${seed} / HTTP/1.1\r\n\r\n`);
  await sendRaw(gateway.url, `GET /keyed/${seed} HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\n\r\n`);
  await sendRaw(gateway.url, `GET /admin/keys/${seed} HTTP/1.1\r\nHost: g\r\nX-Master-Key: ${MASTER_KEY}\r\n\r\n`);
}

const namesOf = (page: string): string[] =>
  page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));

test('a thousand inventions of path, method, host, key and agent add no series', async () => {
  for (let i = 0; i < 7; i++) await wander(`first${i}`);
  const before = namesOf(await gateway.metrics());
  for (let i = 0; i < 16; i++) await wander(`x${i}${'abcdefghijklmnop'[i]}`);
  const added = namesOf(await gateway.metrics()).filter((name) => !before.includes(name));
  expect(added).toEqual([]);
  expect(before.join('\n')).not.toMatch(/first|\.test|agent|M-SEARCH/);
});
