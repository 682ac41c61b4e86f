import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { startLlm } from '../../services/llm/server.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: Awaited<ReturnType<typeof startLlm>>;
let gateway: TestGateway;
let openai: OpenAI;
let anthropic: Anthropic;
const schema = { type: 'object' as const, properties: { city: { type: 'string' } } };

beforeAll(async () => {
  upstream = await startLlm({ port: 0 });
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  chat:
    kind: llm
    retry: false
    targets:
      - { url: "${upstream.url}/v1", models: ["gpt*"] }
      - { url: "${upstream.url}/v1", api_key: sk-of-anthropic, provider: anthropic, models: ["claude*"] }
    models:
      entries:
        gpt-4o-mini: { unpriced: free }
        claude-x: { upstream_name: claude-x-1, unpriced: free }
        claude-bad: { upstream_name: "fault/error?status=400", unpriced: free }
`);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: API_KEY, maxRetries: 0 });
});

afterAll(async () => {
  for (const part of [gateway, upstream]) await part.close();
});

describe('the OpenAI client’s Responses API, asking a Claude model', () => {
  const tools = [{ type: 'function' as const, name: 'get_weather', parameters: schema, strict: false }];

  test('gets a response with its usage', async () => {
    const response = await openai.responses.create({ model: 'claude-x', input: 'Say hello.' });
    expect(response.output_text).toContain('You said: "Say hello."');
    expect(response).toMatchObject({ status: 'completed', model: 'claude-x', usage: { input_tokens: 3 } });
  });

  test('gets the same as a stream', async () => {
    const whole = await openai.responses.create({ model: 'claude-x', input: 'Say hello.' });
    const stream = openai.responses.stream({ model: 'claude-x', input: 'Say hello.' });
    const final = await stream.finalResponse();
    expect([final.output_text, final.usage]).toEqual([whole.output_text, whole.usage]);
  });

  test('calls a tool', async () => {
    const { output } = await openai.responses.create({
      model: 'claude-x',
      input: 'Say hello.',
      tools,
      tool_choice: 'required',
    });
    expect(output).toMatchObject([{ type: 'function_call', name: 'get_weather', status: 'completed' }]);
  });

  test('is told of errors in its own words', async () => {
    const failed = openai.responses.create({ model: 'claude-bad', input: 'x' });
    await expect(failed).rejects.toMatchObject({ status: 400, type: 'invalid_request_error' });
  });
});

test('tokens of a prompt are estimated where no target counts them, and marked so', async () => {
  const asked = anthropic.messages.countTokens({
    model: 'gpt-4o-mini',
    messages: [{ role: 'user', content: 'x'.repeat(400) }],
  });
  const { data, response } = await asked.withResponse();
  expect(data.input_tokens).toBeGreaterThan(100);
  expect(response.headers.get('x-gateway-estimated')).toBe('true');
});
