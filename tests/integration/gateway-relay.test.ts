import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI, { APIError, AuthenticationError } from 'openai';
import { startEmbeddings } from '../../services/embeddings/server.ts';
import { startLlm } from '../../services/llm/server.ts';
import { sendRaw } from '../support/raw-client.ts';
import { inTurn, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let llm: Awaited<ReturnType<typeof startLlm>>;
let embeddings: Awaited<ReturnType<typeof startEmbeddings>>;
let recorder: RawUpstream;
let gateway: TestGateway;
let recorded: TestGateway;

beforeAll(async () => {
  llm = await startLlm({ port: 0 });
  embeddings = await startEmbeddings({ port: 0 });
  recorder = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  chat: { kind: llm, url: "${llm.url}/v1" }
  vectors: { kind: embeddings, url: "${embeddings.url}", health: { path: /health, interval: 1s } }
`);
  recorded = await startTestGateway(
    `
settings: { ${QUICK_SHUTDOWN} }
services:
  chat: { kind: llm, targets: [{ url: "${recorder.url}/v1", api_key: "\${UPSTREAM_KEY}" }], retry: { backoff: { initial: 1ms, max: 1ms } } }
`,
    { env: { UPSTREAM_KEY: 'sk-upstream-secret' } },
  );
});

afterAll(async () => {
  for (const part of [gateway, recorded, llm, embeddings, recorder]) await part.close();
});

function client(apiKey: string = API_KEY): OpenAI {
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
}

const messages = [{ role: 'user' as const, content: 'hello there' }];

describe('the OpenAI client works unchanged', () => {
  test('for a chat completion', async () => {
    const answer = await client().chat.completions.create({ model: 'gpt-4o-mini', messages });
    expect(answer.choices[0]?.message.content).toContain('hello there');
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  test('for a streamed one, to its end', async () => {
    const stream = await client().chat.completions.create({ model: 'gpt-4o-mini', messages, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toContain('hello there');
  });

  test('for models and embeddings', async () => {
    const models = await client().models.list();
    expect(models.data.length).toBeGreaterThan(0);
    const vectors = await client().embeddings.create({ model: 'any', input: 'text', encoding_format: 'float' });
    expect(vectors.data[0]?.embedding.length).toBeGreaterThan(0);
  });

  test('and meets errors of its own classes', async () => {
    await expect(client('sk_wrong').models.list()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(client().get('/nowhere-at-all')).rejects.toBeInstanceOf(APIError);
  });
});

describe('what reaches the third party', () => {
  const chat = (more = ''): string => {
    const body = '{"model":"m","messages":[{"role":"user","content":"Hi"}],  "stream":false}';
    return `POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${API_KEY}\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  };

  test('is the body as it came, the upstream’s own key, and no header that is not on the list', async () => {
    recorder.play(async (call) => {
      await call.received;
      await call.answer(200, '{}', { 'Content-Type': 'application/json' });
    });
    await sendRaw(
      recorded.url,
      chat('X-Forwarded-For: 9.9.9.9\r\nCookie: a=b\r\nOpenAI-Organization: mine\r\nX-Custom: 1\r\nOpenAI-Beta: x\r\n'),
    );
    const received = recorder.requests.at(-1);
    expect(received?.target).toBe('/v1/chat/completions');
    expect(received?.body.toString()).toBe(
      '{"model":"m","messages":[{"role":"user","content":"Hi"}],  "stream":false}',
    );
    expect(received?.headers.get('authorization')).toBe('Bearer sk-upstream-secret');
    const names = received?.headers.lines.map(([name]) => name.toLowerCase()).sort();
    expect(names).toEqual([
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'openai-beta',
      'x-request-id',
    ]);
  });

  test('is repeated when it answers 503, because nothing was done', async () => {
    const before = recorder.requests.length;
    recorder.play((call) => call.received.then(() => call.answer(call.index === before ? 503 : 200, '{}')));
    const answer = await sendRaw(recorded.url, chat());
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.headers.get('x-gateway-attempts')).toBe('2');
    expect(recorder.requests.length).toBe(before + 2);
  });

  test('is not repeated at the same target after a reset, because it may have been done', async () => {
    const before = recorder.requests.length;
    recorder.play((call) => call.reset());
    const answer = await sendRaw(recorded.url, chat());
    expect(answer).toMatchObject({ status: 502 });
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'UPSTREAM_ERROR' } });
    expect(recorder.requests.length).toBe(before + 1);
  });

  test('and its own 401 does not become the caller’s', async () => {
    recorder.play(
      inTurn((call) => call.received.then(() => call.answer(401, '{"error":"bad key sk-upstream-secret"}'))),
    );
    const answer = await sendRaw(recorded.url, chat());
    expect(answer).toMatchObject({ status: 502 });
    expect(answer.text).not.toContain('sk-upstream');
  });
});

test('/v1/auth is never relayed, not even what is not served there', async () => {
  const before = recorder.requests.length;
  const ask = `POST /v1/auth/nothing HTTP/1.1\r\nHost: g\r\nX-API-Key: ${API_KEY}\r\nContent-Length: 0\r\n\r\n`;
  expect(await sendRaw(recorded.url, ask)).toMatchObject({ status: 404 });
  expect(recorder.requests.length).toBe(before);
});
