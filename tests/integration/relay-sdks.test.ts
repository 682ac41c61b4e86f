import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { startLlm } from '../../services/llm/server.ts';
import { until } from '../support/poll.ts';
import { inTurn, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let openaiUpstream: Awaited<ReturnType<typeof startLlm>>;
let anthropicUpstream: Awaited<ReturnType<typeof startLlm>>;
let scripted: RawUpstream;
let gateway: TestGateway;
let openai: OpenAI;
let anthropic: Anthropic;

/** Models that misbehave: `<whose>-<name>` is asked of that provider as the fault. */
const FAULTS = {
  overloaded: 'error?status=529',
  limited: 'rate-limit',
  bad: 'error?status=400',
  refused: 'error?status=401',
  slow: 'slow?ms=20',
  cut: 'die-midstream?after=6',
};

beforeAll(async () => {
  openaiUpstream = await startLlm({ port: 0, apiKey: 'sk-of-openai' });
  anthropicUpstream = await startLlm({ port: 0, apiKey: 'sk-of-anthropic' });
  scripted = await startRawUpstream();
  const faults = Object.entries(FAULTS).flatMap(([name, fault]) =>
    ['gpt', 'claude'].map((whose) => `${whose}-${name}: { upstream_name: "fault/${fault}", unpriced: free }`),
  );
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  chat:
    kind: llm
    retry: { attempts: 2, backoff: { initial: 1ms, max: 1ms } }
    circuit_breaker: false
    targets:
      - { url: "${openaiUpstream.url}/v1", api_key: sk-of-openai, models: ["gpt*", "acme/*", "text-*"] }
      - { url: "${anthropicUpstream.url}/v1", api_key: sk-of-anthropic, provider: anthropic, models: ["claude*"] }
    models:
      entries:
        gpt-4o-mini: { unpriced: free }
        acme/llama-2: { upstream_name: llama-2, unpriced: free }
        text-embedding-3-small: { unpriced: free }
        gpt-broken: { upstream_name: "fault/error?status=503", fallbacks: [claude-x], unpriced: free }
        claude-broken: { upstream_name: "fault/error?status=529", fallbacks: [gpt-4o-mini], unpriced: free }
        claude-x: { upstream_name: claude-x-1, unpriced: free }
        ${faults.join('\n        ')}
  as-openai: { kind: llm, url: "${scripted.url}/v1", operations: [default, files], retry: false, headers: { allow_client_key: true } }
  as-anthropic:
    kind: llm
    retry: false
    headers: { allow_client_key: true }
    targets: [{ url: "${scripted.url}/v1", provider: anthropic, api_key: sk-of-anthropic }]
routes:
  - { name: a, match: { path: /as-openai/* }, rewrite: { strip_prefix: /as-openai }, service: as-openai }
  - { name: b, match: { path: /as-anthropic/* }, rewrite: { strip_prefix: /as-anthropic }, service: as-anthropic }
`);
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: API_KEY, maxRetries: 0 });
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: API_KEY, maxRetries: 0 });
});

afterAll(async () => {
  for (const part of [gateway, openaiUpstream, anthropicUpstream, scripted]) await part.close();
});

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const schema = { type: 'object' as const, properties: { city: { type: 'string' }, days: { type: 'integer' } } };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const args = { city: 'Say hello.', days: 1 };

describe.each(['gpt-4o-mini', 'claude-x'])('the OpenAI client, asking %s', (model) => {
  test('gets a chat completion with its usage', async () => {
    const { choices, usage } = await openai.chat.completions.create({ model, messages });
    expect(choices).toMatchObject([{ message: { role: 'assistant' }, finish_reason: 'stop' }]);
    expect(choices[0]?.message.content).toContain('You said: "Say hello."');
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: expect.any(Number) });
    expect(usage?.total_tokens).toBe(3 + (usage?.completion_tokens ?? 0));
  });

  test('gets a stream that says the same, with usage only where it asked for it', async () => {
    const whole = await openai.chat.completions.create({ model, messages });
    const plain = await openai.chat.completions.create({ model, messages, stream: true });
    let text = '';
    for await (const chunk of plain) {
      text += chunk.choices[0]?.delta.content ?? '';
      expect(chunk.usage ?? undefined).toBeUndefined();
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    const options = { stream: true as const, stream_options: { include_usage: true } };
    let usage: unknown;
    for await (const chunk of await openai.chat.completions.create({ model, messages, ...options }))
      usage = chunk.usage;
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: whole.usage?.completion_tokens });
  });

  test('calls tools, whole and streamed, and may answer them', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: schema } }];
    const asked = { model, messages, tools, tool_choice: 'required' as const };
    const whole = await openai.chat.completions.create(asked);
    const streamed = await openai.chat.completions.stream(asked).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      expect(choices).toMatchObject([{ finish_reason: 'tool_calls', message: { tool_calls: [{ type: 'function' }] } }]);
      const call = choices[0]?.message.tool_calls?.[0] as { function: { arguments: string } };
      expect(JSON.parse(call.function.arguments)).toEqual(args);
    }
    const { message } = whole.choices[0] as (typeof whole.choices)[0];
    const result = { role: 'tool' as const, tool_call_id: message.tool_calls?.[0]?.id ?? '', content: 'sunny' };
    const last = await openai.chat.completions.create({ model, tools, messages: [...messages, message, result] });
    expect(last.choices[0]?.message.content).toContain('sunny');
  });
});

describe.each(['claude-x', 'gpt-4o-mini'])('the Anthropic client, asking %s', (model) => {
  const request = { model, max_tokens: 100, system: 'Be brief.', messages };

  test('gets a message with its usage', async () => {
    const message = await anthropic.messages.create(request);
    expect(message).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' });
    expect(message.content).toMatchObject([{ type: 'text', text: expect.stringContaining('You said: "Say hello."') }]);
    expect(message.usage.input_tokens).toBeGreaterThan(0);
    expect(message.usage.output_tokens).toBeGreaterThan(0);
  });

  test('gets a stream that adds up to the same message', async () => {
    const { content, stop_reason, usage } = await anthropic.messages.create(request);
    const final = await anthropic.messages.stream(request).finalMessage();
    expect(final).toMatchObject({ content, stop_reason, usage: { output_tokens: usage.output_tokens } });
  });

  test('is stopped at max_tokens', async () => {
    expect(await anthropic.messages.create({ ...request, max_tokens: 2 })).toMatchObject({ stop_reason: 'max_tokens' });
  });

  test('calls tools, whole and streamed, and may answer them', async () => {
    const asked = {
      ...request,
      tools: [{ name: 'weather', input_schema: schema }],
      tool_choice: { type: 'any' as const },
    };
    const whole = await anthropic.messages.create(asked);
    const streamed = await anthropic.messages.stream(asked).finalMessage();
    for (const message of [whole, streamed])
      expect(message).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', input: args }] });
    const [use] = whole.content as [Anthropic.ToolUseBlock];
    const result = { type: 'tool_result' as const, tool_use_id: use.id, content: 'sunny' };
    const turns = [
      ...messages,
      { role: 'assistant' as const, content: whole.content },
      { role: 'user' as const, content: [result] },
    ];
    const last = await anthropic.messages.create({ ...request, messages: turns });
    expect(last.content).toMatchObject([{ text: expect.stringContaining('sunny') }]);
  });
});

describe('the OpenAI client', () => {
  test('gets embeddings, and models whose names hold a slash', async () => {
    const { data } = await openai.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([768, 768]);
    const names = (await openai.models.list()).data.map(({ id }) => id);
    expect(names).toEqual(expect.arrayContaining(['gpt-4o-mini', 'acme/llama-2', 'claude-x']));
    expect(await openai.models.retrieve('acme/llama-2')).toMatchObject({ id: 'acme/llama-2' });
    const answer = await openai.chat.completions.create({ model: 'acme/llama-2', messages });
    expect(answer.choices[0]?.message.content).toContain('sample answer of llama-2');
  });

  test('gets responses and the older completions, whole and streamed', async () => {
    const said = 'You said: "Say hello.". This is the sample answer of gpt-4o-mini, word by word.';
    const asked = { model: 'gpt-4o-mini', input: 'Say hello.' };
    const { data, response } = await openai.responses.create(asked).withResponse();
    expect([data.output_text, response.headers.get('x-gateway-model')]).toEqual([said, 'gpt-4o-mini']);
    expect(await openai.responses.stream(asked).finalResponse()).toMatchObject({ output_text: said });
    const older = { model: 'gpt-4o-mini', prompt: 'Say hello.' };
    expect((await openai.completions.create(older)).choices[0]?.text).toBe(said);
    const texts: string[] = [];
    for await (const { choices, usage } of await openai.completions.create({ ...older, stream: true })) {
      texts.push(choices[0]?.text ?? '');
      expect(usage ?? null).toBeNull();
    }
    expect(texts.join('')).toBe(said);
  });

  test('gets embeddings in base64 as the upstream wrote them', async () => {
    const asked = { model: 'text-embedding-3-small', input: 'a' };
    const read = async (encoding_format: 'base64' | 'float') =>
      (await openai.embeddings.create({ ...asked, encoding_format })).data[0]?.embedding as number[] | string;
    const bytes = Buffer.from((await read('base64')) as string, 'base64');
    const written = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
    expect(written).toEqual(((await read('float')) as number[]).map(Math.fround));
  });

  test('leaves a stream, and the upstream is left with it', async () => {
    const stream = await openai.chat.completions.create({ model: 'claude-slow', messages, stream: true });
    for await (const _chunk of stream) stream.controller.abort();
    const idle = 'gateway_in_flight{service="chat"} 0';
    await until(async () => (await gateway.metrics()).includes(idle), { what: idle });
    await until(() => gateway.logged.some(({ outcome }) => outcome === 'client_aborted'), {
      what: 'the line of the log',
    });
  });

  test.each([
    ['a wrong key', 'gpt-4o-mini', 'sk_wrong', OpenAI.AuthenticationError, 401],
    ['an unknown model', 'gpt-9', API_KEY, OpenAI.NotFoundError, 404],
    ['a limit of openai', 'gpt-limited', API_KEY, OpenAI.RateLimitError, 429],
    ['a limit of anthropic', 'claude-limited', API_KEY, OpenAI.RateLimitError, 429],
    ['an overload of anthropic', 'claude-overloaded', API_KEY, OpenAI.InternalServerError, 503],
    ['a refusal of anthropic', 'claude-bad', API_KEY, OpenAI.BadRequestError, 400],
    ['our key refused by anthropic', 'claude-refused', API_KEY, OpenAI.InternalServerError, 502],
  ])('meets %s as an error of its own', async (_what, model, apiKey, ErrorClass, status) => {
    const call = openai.withOptions({ apiKey }).chat.completions.create({ model, messages });
    const error = (await call.catch((thrown: unknown) => thrown)) as InstanceType<typeof OpenAI.APIError>;
    expect(error).toBeInstanceOf(ErrorClass);
    expect(error).toMatchObject({ status, error: { message: expect.any(String), type: expect.any(String) } });
    expect(error.message).not.toContain('sk-of-');
  });

  test('is told what a provider does not have', async () => {
    const several = openai.chat.completions.create({ model: 'claude-x', messages, n: 2 });
    await expect(several).rejects.toMatchObject({ status: 422, param: 'n', code: 'VALUE_ERROR' });
    const embedding = openai.embeddings.create({ model: 'claude-x', input: 'a' });
    await expect(embedding).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

test.each([
  ['a wrong key', 'claude-x', 'sk_wrong', Anthropic.AuthenticationError, 'authentication_error'],
  ['an unknown model', 'claude-9', API_KEY, Anthropic.NotFoundError, 'not_found_error'],
  ['a limit of anthropic', 'claude-limited', API_KEY, Anthropic.RateLimitError, 'rate_limit_error'],
  ['a limit of openai', 'gpt-limited', API_KEY, Anthropic.RateLimitError, 'rate_limit_error'],
  ['an overload', 'claude-overloaded', API_KEY, Anthropic.InternalServerError, 'overloaded_error'],
  ['a refusal of openai', 'gpt-bad', API_KEY, Anthropic.BadRequestError, 'invalid_request_error'],
])('the Anthropic client meets %s as an error of its own', async (_what, model, apiKey, ErrorClass, type) => {
  const call = anthropic.withOptions({ apiKey }).messages.create({ model, max_tokens: 9, messages });
  const error = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ErrorClass);
  expect(error).toMatchObject({ error: { type: 'error', error: { type, message: expect.any(String) } } });
});

test('a fallback at the other provider answers in the language of the client', async () => {
  const chat = await openai.chat.completions.create({ model: 'gpt-broken', messages }).withResponse();
  expect(chat.response.headers.get('x-gateway-model')).toBe('claude-x');
  expect(chat.data.choices[0]?.message.content).toContain('sample answer of claude-x-1');
  const stream = openai.chat.completions.stream({ model: 'claude-broken', messages });
  expect((await stream.finalChatCompletion()).choices[0]?.message.content).toContain('sample answer of gpt-4o-mini');
  const message = await anthropic.messages.create({ model: 'claude-broken', max_tokens: 100, messages });
  expect(message.content).toMatchObject([{ text: expect.stringContaining('sample answer of gpt-4o-mini') }]);
});

describe('a stream that ends early fails for either client', () => {
  test.each(['gpt-cut', 'claude-cut'])('%s', async (model) => {
    const chunks = await openai.chat.completions.create({ model, messages, stream: true });
    const readAll = async (): Promise<void> => {
      for await (const _chunk of chunks);
    };
    await expect(readAll()).rejects.toBeInstanceOf(OpenAI.APIError);
    const final = anthropic.messages.stream({ model, max_tokens: 100, messages }).finalMessage();
    await expect(final).rejects.toBeInstanceOf(Anthropic.AnthropicError);
  });
});

describe('either client tries again by itself', () => {
  const soon = { ...JSON_TYPE, 'Retry-After-Ms': '1' };
  const completion = {
    id: 'c',
    object: 'chat.completion',
    choices: [{ message: { content: 'ok' }, finish_reason: 'stop' }],
  };
  const message = { id: 'm', type: 'message', content: [{ type: 'text', text: 'ok' }], stop_reason: 'end_turn' };
  const failThenAnswer = (body: object): void =>
    scripted.play(
      inTurn(
        (call) => call.received.then(() => call.answer(429, '{"error":{"message":"wait"}}', soon)),
        (call) => call.received.then(() => call.answer(503, '{"error":{"message":"wait"}}', soon)),
        (call) => call.received.then(() => call.answer(200, JSON.stringify(body), soon)),
      ),
    );

  test.each([
    ['as-openai', completion],
    ['as-anthropic', message],
  ])('on 429 and 503 of the service %s', async (service, answer) => {
    failThenAnswer(answer);
    const chat = openai.withOptions({ baseURL: `${gateway.url}/${service}/v1`, maxRetries: 2 });
    const { choices } = await chat.chat.completions.create({ model: 'any', messages });
    expect(choices[0]?.message.content).toBe('ok');
    failThenAnswer(answer);
    const speaker = anthropic.withOptions({ baseURL: `${gateway.url}/${service}`, maxRetries: 2 });
    const { content } = await speaker.messages.create({ model: 'any', max_tokens: 9, messages });
    expect(content).toEqual([{ type: 'text', text: 'ok' }]);
  });
});

describe('what reaches the provider', () => {
  const answer = (body: object) =>
    scripted.play(inTurn((call) => call.received.then(() => call.answer(200, JSON.stringify(body), JSON_TYPE))));
  const defaultHeaders = { 'OpenAI-Api-Key': 'sk-of-the-caller', Cookie: 'a=b', 'X-Forwarded-For': '203.0.113.9' };
  const clientOf = (service: string): OpenAI =>
    openai.withOptions({ baseURL: `${gateway.url}/${service}/v1`, defaultHeaders });
  const sentBy = async (service: string, body: object): Promise<(typeof scripted.requests)[number]> => {
    answer(body);
    await clientOf(service).chat.completions.create({ model: 'any', messages, user: 'u-1' });
    return scripted.requests.at(-1) as (typeof scripted.requests)[number];
  };
  const completion = { choices: [{ message: { content: 'ok' } }] };

  test('in another language is a complete request of that one, with its credential and version', async () => {
    const { target, headers, body } = await sentBy('as-anthropic', { type: 'message', content: [] });
    expect(target).toBe('/v1/messages');
    expect(headers.get('x-api-key')).toBe('sk-of-anthropic');
    expect(headers.get('anthropic-version')).toBe('2023-06-01');
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('content-length')).toBe(String(body.length));
    expect(JSON.parse(body.toString())).toMatchObject({ model: 'any', max_tokens: expect.any(Number) });
    expect(body.toString()).not.toContain('u-1');
    expect(headers.get('accept-encoding')).toBe('identity');
    for (const name of ['authorization', 'openai-api-key', 'cookie', 'x-forwarded-for'])
      expect([name, headers.get(name)]).toEqual([name, undefined]);
  });

  test('is passed on where its API has the path, and refused where it has not', async () => {
    const client = anthropic.withOptions({ baseURL: `${gateway.url}/as-anthropic` });
    answer({ input_tokens: 14 });
    expect(await client.messages.countTokens({ model: 'any', messages })).toEqual({ input_tokens: 14 });
    const { target, headers, body } = scripted.requests.at(-1) as (typeof scripted.requests)[number];
    expect([target, headers.get('x-api-key')]).toEqual(['/v1/messages/count_tokens', 'sk-of-anthropic']);
    expect(JSON.parse(body.toString())).toEqual({ model: 'any', messages });
    const speech = clientOf('as-anthropic').audio.speech.create({ model: 'any', voice: 'alloy', input: 'hi' });
    await expect(speech).rejects.toMatchObject({ status: 404, error: { code: 'NOT_FOUND' } });
  });

  test('is what came where the gateway does not know the operation: uploads, queries, deletions', async () => {
    const files = openai.withOptions({ baseURL: `${gateway.url}/as-openai/v1` }).files;
    const content = Buffer.from([0, 255, 13, 10, 128, 34]);
    answer({ id: 'file-1', object: 'file' });
    const file = await OpenAI.toFile(content, 'a.bin', { type: 'application/octet-stream' });
    expect(await files.create({ file, purpose: 'batch' })).toMatchObject({ id: 'file-1' });
    const upload = scripted.requests.at(-1) as (typeof scripted.requests)[number];
    expect([upload.target, upload.headers.get('content-type')]).toEqual([
      '/v1/files',
      expect.stringMatching(/^multipart\/form-data; ?boundary=/),
    ]);
    expect(upload.body.includes(content)).toBe(true);
    answer({ object: 'list', data: [] });
    await files.list({ limit: 3, after: 'file 0' });
    expect(scripted.requests.at(-1)?.target).toMatch(/^\/v1\/files\?limit=3&after=file(%20|\+)0$/);
    answer({ id: 'file-1', deleted: true });
    expect(await files.delete('file-1')).toMatchObject({ deleted: true });
    expect(scripted.requests.at(-1)?.head.toString()).toMatch(/^DELETE \/v1\/files\/file-1 HTTP/);
  });

  test('carries the key the caller brings only where that is allowed and only to its own provider', async () => {
    const { headers } = await sentBy('as-openai', completion);
    expect([headers.get('authorization'), headers.get('openai-api-key')]).toEqual([
      'Bearer sk-of-the-caller',
      undefined,
    ]);
    scripted.play(inTurn((call) => call.received.then(() => call.answer(401, '{"error":{"message":"no"}}'))));
    const refused = clientOf('as-openai').chat.completions.create({ model: 'any', messages });
    await expect(refused).rejects.toMatchObject({ status: 401, code: 'INVALID_CREDENTIAL' });
    const foreign = await sentBy('as-anthropic', { type: 'message', content: [] });
    expect(foreign.head.toString()).not.toContain('sk-of-the-caller');
    expect(JSON.stringify(gateway.logged)).not.toContain('sk-of-');
  });
});
