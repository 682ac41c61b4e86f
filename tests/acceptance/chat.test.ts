// The OpenAI client pointed at the gateway instead of at OpenAI.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { startEmbeddings } from '../../services/embeddings/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const upstreamKey = 'sk-upstream-0123456789abcdef';
const messages = [{ role: 'user' as const, content: 'Say hello.' }];

let llm: RunningService;
let inference: RunningService;
let gateway: GatewayProcess;
let key: string;
let client: OpenAI;

beforeAll(async () => {
  llm = await startLlm({ port: 0, apiKey: upstreamKey });
  inference = await startEmbeddings({ port: 0 });
  const config = `
services:
  chat:
    kind: llm
    targets: [{ url: "${llm.url}/v1", api_key: "\${OPENAI_API_KEY}" }]
  embeddings: { kind: embeddings, url: "${inference.url}" }
`;
  gateway = await startGatewayProcess({ config, env: { OPENAI_API_KEY: upstreamKey } });
  key = await gateway.generateKey('test');
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  await llm.close();
  await inference.close();
});

test('a chat completion passes, with the key of the service in place of the key of the client', async () => {
  const answer = await client.chat.completions.create({ model: 'gpt-4', messages });
  expect(answer.choices[0]?.message.content).toContain('You said: "Say hello."');
});

test('a stream passes byte for byte, with its usage chunk and its end', async () => {
  const body = JSON.stringify({ model: 'gpt-4', messages, stream: true, stream_options: { include_usage: true } });
  const post = (url: string, bearer: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body,
    }).then((res) => res.text());
  const withoutClock = (text: string) => text.replaceAll(/"created":\d+/g, '');
  const [through, direct] = await Promise.all([post(gateway.url, key), post(llm.url, upstreamKey)]);
  expect(direct).toContain('data: [DONE]');
  expect(withoutClock(through)).toBe(withoutClock(direct));
});

test('models are listed, and embeddings answered by the service of their kind', async () => {
  const models = await client.models.list();
  expect(models.data.map((model) => model.id)).toContain('gpt-4');
  const { data, model } = await client.embeddings.create({ model: 'any', input: 'hello' });
  expect(data[0]?.embedding).toHaveLength(768);
  expect(model).toBe('any');
});

test('a wrong key is refused in the shape of OpenAI', async () => {
  const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'sk_live_wrong', maxRetries: 0 });
  await expect(stranger.models.list()).rejects.toMatchObject({ status: 401, error: { message: expect.any(String) } });
});

test('a refusal of our own key becomes 502 and does not quote the key', async () => {
  const call = client.chat.completions.create({ model: 'fault/error?status=401', messages });
  const error = (await call.catch((reason: unknown) => reason)) as { status: number };
  expect(error.status).toBe(502);
  expect(JSON.stringify(error)).not.toContain(upstreamKey);
});

test('a stream whose upstream dies ends with an error event and no made-up [DONE]', async () => {
  const res = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'fault/die-midstream?after=3', messages, stream: true }),
  });
  let text = '';
  const read = async () => {
    for await (const chunk of res.body ?? []) text += new TextDecoder().decode(chunk);
  };
  await read().catch(() => undefined);
  expect(text).toContain('"content":"You"');
  expect(text).toContain('"error"');
  expect(text).not.toContain('[DONE]');
});
