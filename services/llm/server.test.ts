import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { RunningService } from '../http-service.ts';
import { startLlm } from './server.ts';

let llm: RunningService;
let client: OpenAI;
beforeAll(async () => {
  llm = await startLlm({ port: 0 });
  client = new OpenAI({ baseURL: `${llm.url}/v1`, apiKey: 'any', maxRetries: 0 });
});
afterAll(() => llm.close());

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const collected: Value[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const text = 'You said: "Say hello.". This is the sample answer of gpt-4, word by word.';

test('answers a chat with the same text and usage each time', async () => {
  const [first, second] = await Promise.all(
    [1, 2].map(() => client.chat.completions.create({ model: 'gpt-4', messages })),
  );
  expect(first?.choices[0]?.message.content).toBe(text);
  expect(first?.usage).toEqual({ prompt_tokens: 3, completion_tokens: 23, total_tokens: 26 });
  expect(second?.id).toBe(first?.id);
});

test('streams the same text in chunks and ends with the usage asked for', async () => {
  const stream = await client.chat.completions.create({
    model: 'gpt-4',
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await collect(stream);
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(text);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 23 } });
});

test('sends no usage in a stream that did not ask for it', async () => {
  const stream = await client.chat.completions.create({ model: 'gpt-4', messages, stream: true });
  const chunks = await collect(stream);
  expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([]);
});

test('stops at max_tokens and says so', async () => {
  const answer = await client.chat.completions.create({ model: 'gpt-4', messages, max_completion_tokens: 2 });
  expect(answer.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'You said' } });
});

test('calls a tool when it is asked to, whole and streamed', async () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } };
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }];
  const asked = { model: 'gpt-4', messages, tools, tool_choice: 'required' as const };
  const whole = await client.chat.completions.create(asked);
  const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
  const called = { name: 'weather', arguments: '{"city":"Say hello.","days":1}' };
  for (const { choices } of [whole, streamed])
    expect(choices).toMatchObject([{ finish_reason: 'tool_calls', message: { tool_calls: [{ function: called }] } }]);
});

test('answers the older completions API, whole and streamed', async () => {
  const whole = await client.completions.create({ model: 'gpt-4', prompt: 'Say hello.' });
  const stream = await client.completions.create({ model: 'gpt-4', prompt: 'Say hello.', stream: true });
  const chunks = await collect(stream);
  expect(whole.choices[0]?.text).toBe(text);
  expect(chunks.map((chunk) => chunk.choices[0]?.text).join('')).toBe(text);
});

test('answers the responses API, whole and streamed', async () => {
  const whole = await client.responses.create({ model: 'gpt-4', input: 'Say hello.' });
  const stream = await client.responses.create({ model: 'gpt-4', input: 'Say hello.', stream: true });
  const events = await collect(stream);
  expect(whole.output_text).toBe(text);
  expect(events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')).toBe(text);
  expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { usage: { output_tokens: 23 } } });
  const gathered = await client.responses.stream({ model: 'gpt-4', input: 'Say hello.' }).finalResponse();
  expect(gathered).toMatchObject({ id: whole.id, output: whole.output });
});

test('answers embeddings in the form the client asks for', async () => {
  const { data, usage } = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b c'] });
  expect(data.map((each) => each.embedding.length)).toEqual([768, 768]);
  expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
});

test('lists its models and describes each', async () => {
  const { data } = await client.models.list();
  expect(await client.models.retrieve(data[0]?.id ?? '')).toEqual(data[0]);
  await expect(client.models.retrieve('gpt-9')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  await expect(client.files.list()).rejects.toMatchObject({ status: 404, code: null });
});

describe('refuses with an error in the shape of OpenAI', () => {
  test.each([
    ['a body that is not JSON', '/v1/chat/completions', '{', 400],
    ['a request without a model', '/v1/chat/completions', '{"messages":[{}]}', 400],
    ['a chat without messages', '/v1/chat/completions', '{"model":"gpt-4","messages":[]}', 400],
    ['an unknown path', '/v1/none', '{}', 404],
  ])('%s', async (_what, path, body, status) => {
    const res = await fetch(llm.url + path, { method: 'POST', body });
    expect(res.status).toBe(status);
    expect(await res.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  test('a wrong key, when it has one', async () => {
    const locked = await startLlm({ port: 0, apiKey: 'sk-right' });
    const models = (key: string) => fetch(`${locked.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect((await models('sk-wrong')).status).toBe(401);
    expect((await models('sk-right')).status).toBe(200);
    await locked.close();
  });
});
