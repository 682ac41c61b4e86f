import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../http-service.ts';
import { startLlm } from './server.ts';

let llm: RunningService;
beforeAll(async () => {
  llm = await startLlm({ port: 0 });
});
afterAll(() => llm.close());

interface Call {
  stream?: boolean;
  signal?: AbortSignal;
}

function call(fault: string, { stream = true, signal }: Call = {}): Promise<Response> {
  return fetch(`${llm.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-mine' },
    body: JSON.stringify({ model: `fault/${fault}`, stream, messages: [{ role: 'user', content: 'hi' }] }),
    signal: signal ?? null,
  });
}

/** What arrives before the body ends or fails, and the code of the failure. */
async function readAll(res: Response): Promise<{ text: string; failure: unknown }> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of res.body ?? []) text += decoder.decode(chunk, { stream: true });
    return { text, failure: undefined };
  } catch (error) {
    return { text, failure: (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name };
  }
}

test('a fault can be asked for by header as well as by model name', async () => {
  const res = await fetch(`${llm.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-fault': 'error?status=503' },
    body: JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'hi' }] }),
  });
  expect(res.status).toBe(503);
});

test('a fault it does not have answers 400 and names those it has', async () => {
  const res = await call('die-midstraem');
  expect(res.status).toBe(400);
  expect(await res.text()).toContain('die-midstream');
});

test('slow-start waits before the first byte', async () => {
  const startedAt = performance.now();
  await (await call('slow-start?ms=80')).text();
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79);
});

test('stall sends what comes before it, then nothing', async () => {
  const res = await call('stall?after=1', { signal: AbortSignal.timeout(300) });
  const { text, failure } = await readAll(res);
  expect(text.split('\n\n')).toHaveLength(2);
  expect(failure).toBe('TimeoutError');
});

test.each([true, false])('die-midstream resets the connection after what was sent (stream: %p)', async (stream) => {
  const { text, failure } = await readAll(await call('die-midstream?after=2', { stream }));
  expect(text).toContain('chat.completion');
  expect(failure).toBe('ECONNRESET');
});

test('reset sends not one byte', async () => {
  await expect(call('reset')).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
});

test('no-done ends a stream in order, but without its last event', async () => {
  const { text, failure } = await readAll(await call('no-done'));
  expect(failure).toBeUndefined();
  expect(text).toContain('"finish_reason":"stop"');
  expect(text).not.toContain('[DONE]');
});

test.each([
  ['rate-limit?retry_after=3', '3'],
  ['rate-limit', null],
])('%s answers 429 with Retry-After %p', async (fault, retryAfter) => {
  const res = await call(fault);
  expect(res.status).toBe(429);
  expect(res.headers.get('retry-after')).toBe(retryAfter);
});

test('error?status=401 quotes the key it was called with', async () => {
  const res = await call('error?status=401');
  expect(res.status).toBe(401);
  expect(await res.text()).toContain('sk-mine');
});

test('wrong-length ends before the length it promised', async () => {
  const res = await call('wrong-length?by=10', { stream: false });
  const { text, failure } = await readAll(res);
  expect(Number(res.headers.get('content-length'))).toBe(text.length + 10);
  expect(failure).toBe('UND_ERR_SOCKET');
});

test('malformed-sse slips a broken event into a stream that goes on', async () => {
  const { text } = await readAll(await call('malformed-sse'));
  expect(text).toContain('data: {"choices":[{"delta":\n\n');
  expect(text).toContain('data: [DONE]');
});

test('error-event gives a stream up with an event that says so, and nothing behind it', async () => {
  const { text, failure } = await readAll(await call('error-event'));
  expect(failure).toBeUndefined();
  expect(text.split('\n\n').at(-2)).toMatch(/^data: \{"error":/);
});

test('long-line slips in one line of the size asked for', async () => {
  const { text } = await readAll(await call('long-line'));
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeGreaterThan(1024 * 1024);
});

test('gzip compresses an answer that stays the same', async () => {
  const res = await call('gzip');
  expect(res.headers.get('content-encoding')).toBe('gzip');
  expect(await res.text()).toContain('data: [DONE]');
});
