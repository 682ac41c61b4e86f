import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../http-service.ts';
import { startEcho } from './server.ts';

let echo: RunningService;
beforeAll(async () => {
  echo = await startEcho({ port: 0, name: 'service1' });
});
afterAll(() => echo.close());

test('answers with the request as it received it', async () => {
  const res = await fetch(`${echo.url}/orders/7?page=2`, {
    method: 'PUT',
    headers: { 'x-mark': 'a', 'content-type': 'application/json' },
    body: '{"amount":3}',
  });
  expect(await res.json()).toMatchObject({
    service: 'service1',
    method: 'PUT',
    path: '/orders/7',
    query: { page: '2' },
    headers: { 'x-mark': 'a' },
    body: { amount: 3 },
  });
});

test('gives a body that is not JSON as text and no body as null', async () => {
  const post = await fetch(echo.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
  expect(await post.json()).toMatchObject({ body: '{' });
  expect(await (await fetch(echo.url)).json()).toMatchObject({ body: null });
});

test('answers with the status asked for by path or by header', async () => {
  expect((await fetch(`${echo.url}/status/503`)).status).toBe(503);
  expect((await fetch(echo.url, { headers: { 'x-echo-status': '404' } })).status).toBe(404);
});

test('waits as long as asked', async () => {
  const startedAt = performance.now();
  await fetch(`${echo.url}/delay/50`);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(49);
});

test('answers with as many bytes as asked', async () => {
  const res = await fetch(`${echo.url}/bytes/70000`);
  expect((await res.arrayBuffer()).byteLength).toBe(70_000);
});

test('ends open connections when it closes', async () => {
  const other = await startEcho({ port: 0 });
  const waiting = fetch(`${other.url}/delay/60000`);
  await fetch(other.url);
  await other.close();
  await expect(waiting).rejects.toThrow('fetch failed');
});
