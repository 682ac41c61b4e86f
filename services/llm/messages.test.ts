import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunningService } from '../http-service.ts';
import { startLlm } from './server.ts';

let llm: RunningService;
let client: Anthropic;
beforeAll(async () => {
  llm = await startLlm({ port: 0, apiKey: 'sk-ant-mine' });
  client = new Anthropic({ baseURL: llm.url, apiKey: 'sk-ant-mine', maxRetries: 0 });
});
afterAll(() => llm.close());

const request = { model: 'claude-x', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Say hello.' }] };
const text = 'You said: "Say hello.". This is the sample answer of claude-x, word by word.';
const schema = { type: 'object' as const, properties: { city: { type: 'string' }, days: { type: 'integer' } } };
const tools = [{ name: 'weather', input_schema: schema }];

test('answers a message with the text and usage that chat completions has', async () => {
  const message = await client.messages.create(request);
  expect(message).toMatchObject({ content: [{ type: 'text', text }], stop_reason: 'end_turn' });
  expect(message.usage).toMatchObject({ input_tokens: 3, output_tokens: 23 });
});

test('streams the same message', async () => {
  const whole = await client.messages.create(request);
  expect(await client.messages.stream(request).finalMessage()).toMatchObject(whole);
});

test('stops at max_tokens and says so', async () => {
  const message = await client.messages.create({ ...request, max_tokens: 2 });
  expect(message).toMatchObject({ content: [{ text: 'You said' }], stop_reason: 'max_tokens' });
});

test.each([{ type: 'any' as const }, { type: 'tool' as const, name: 'weather' }])(
  'calls the tool that %j asks for, whole and streamed',
  async (choice) => {
    const asked = { ...request, tools, tool_choice: choice };
    const whole = await client.messages.create(asked);
    expect(whole).toMatchObject({ stop_reason: 'tool_use', content: [{ input: { city: 'Say hello.', days: 1 } }] });
    expect((await client.messages.stream(asked).finalMessage()).content).toEqual(whole.content);
  },
);

test('answers in text when it may choose', async () => {
  expect(await client.messages.create({ ...request, tools })).toMatchObject({ content: [{ text }] });
});

describe('refuses with errors that its client knows', () => {
  const failing = (fields: object, key = 'sk-ant-mine') =>
    client
      .withOptions({ apiKey: key })
      .messages.create({ ...request, ...fields })
      .catch((error: unknown) => error);

  test('a wrong key, no messages, no limit, and every fault that is a status', async () => {
    expect(await failing({}, 'wrong')).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(await failing({ messages: [] })).toBeInstanceOf(Anthropic.BadRequestError);
    expect(await failing({ max_tokens: undefined })).toBeInstanceOf(Anthropic.BadRequestError);
    expect(await failing({ model: 'fault/rate-limit' })).toBeInstanceOf(Anthropic.RateLimitError);
    expect(await failing({ model: 'fault/error?status=529' })).toMatchObject({
      status: 529,
      error: { type: 'error', error: { type: 'overloaded_error' } },
    });
  });

  test('a request that does not say which version of the API it speaks', async () => {
    const headers = { 'x-api-key': 'sk-ant-mine' };
    const res = await fetch(`${llm.url}/v1/messages`, { method: 'POST', headers, body: JSON.stringify(request) });
    expect([res.status, await res.json()]).toMatchObject([400, { error: { type: 'invalid_request_error' } }]);
  });
});
