// Which model a request reaches, and what of it the upstream is sent.
import { hash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;

const answer: Script = async (call) => {
  await call.received;
  await call.answer(200, '{"object":"sample"}', { 'Content-Type': 'application/json' });
};

/** A consumer of the file whose key is its id. */
const consumer = (id: string, keyFields = ''): string =>
  `  - { id: ${id}, keys: [{ hash: "sha256:${hash('sha256', id)}"${keyFields} }] }`;

const config = (url: string): string => `
settings: { ${QUICK_SHUTDOWN} }
consumers:
${consumer('anybody')}
${consumer('narrow', ', models: [gpt-4]')}
${consumer('wild', ', models: ["gpt-*", llama]')}
services:
  chat:
    kind: llm
    url: "${url}/v1"
    models:
      default: llama
      entries:
        gpt-4: { price: { input_per_million: 30, output_per_million: 60 }, fallbacks: [llama-2] }
        llama-2: { upstream_name: llama-2-70b, unpriced: free }
        org/model-x: { unpriced: cap, rate_limit: { limits: [{ limit: 1, window: 1h }] } }
      aliases: { "openai/gpt-4.1": gpt-4, llama: llama-2 }
  open: { kind: llm, url: "${url}/v1" }
  embed: { kind: embeddings, url: "${url}/v1" }
routes:
  - name: open-team
    match: { path: /team/* }
    rewrite: { strip_prefix: /team }
    service: open
    authorize: { models: [gpt-4] }
  - { name: rest, match: { path: /rest/* }, rewrite: { strip_prefix: /rest }, service: open, dialect: anthropic }
`;

beforeAll(async () => {
  upstream = await startRawUpstream(answer);
  gateway = await startTestGateway(config(upstream.url));
});

beforeEach(() => upstream.play(answer));

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const HELLO = [{ role: 'user', content: 'Hello!' }];

interface Asked {
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

async function send(path: string, body?: object | string | Uint8Array, { key = 'anybody', headers = {} }: Asked = {}) {
  const before = upstream.requests.length;
  const isText = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(gateway.url + path, {
    headers: { 'X-API-Key': key, 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { method: 'POST', body: isText ? body : JSON.stringify(body) }),
  } as RequestInit);
  const text = await response.text();
  const reached = upstream.requests.slice(before).at(-1);
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as { error: Record<string, unknown>; data: { id: string }[] },
    target: reached?.target,
    sent: reached?.body.toString(),
  };
}

describe('a request to a model of the catalogue', () => {
  test('reaches the upstream byte by byte as it came when nothing has to change', async () => {
    const body = ' {"messages" : [{"role":"user","content":"\\u00e9"}],\n"model":"gpt-4", "seed":1e2}\n';
    const { status, headers, target, sent } = await send('/v1/chat/completions', body);
    expect([status, headers.get('x-gateway-model'), target, sent]).toEqual([
      200,
      'gpt-4',
      '/v1/chat/completions',
      body,
    ]);
  });

  test('is sent under the name the upstream knows, and no other byte changes', async () => {
    const { headers, sent } = await send('/v1/chat/completions', '{ "model": "llama" , "messages":[{"role":"user"}]}');
    expect(sent).toBe('{ "model": "llama-2-70b" , "messages":[{"role":"user"}]}');
    expect(headers.get('x-gateway-model')).toBe('llama-2');
  });

  test('that names none is sent with the default', async () => {
    const { headers, sent } = await send('/v1/chat/completions', { messages: HELLO });
    expect(JSON.parse(sent ?? '')).toEqual({ messages: HELLO, model: 'llama-2-70b' });
    expect(headers.get('x-gateway-model')).toBe('llama-2');
    const narrowed = await send('/v1/chat/completions', { messages: HELLO }, { key: 'narrow' });
    expect(narrowed.headers.get('x-gateway-model')).toBe('gpt-4');
  });

  test.each([
    '/v1/chat/completions/stream',
    '/api/v1/chat/completions/stream',
    '/chat/v1/chat/completions/stream',
    '/service/chat/chat/completions/stream',
  ])('on %s is one for a stream', async (path) => {
    const { status, target, sent } = await send(path, { model: 'gpt-4', messages: HELLO });
    expect([status, target]).toEqual([200, '/v1/chat/completions']);
    expect(JSON.parse(sent ?? '')).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  test.each(['/v1/chat/completions/', '/v1/Chat/Completions', '/v1/chat%2Fcompletions', '/v1/v1/chat/completions'])(
    'is checked and sent in one spelling: %s',
    async (path) => {
      expect((await send(path, { model: 'gpt-5', messages: HELLO })).status).toBe(404);
      expect((await send(path, { model: 'gpt-4', messages: HELLO })).target).toBe('/v1/chat/completions');
    },
  );
});

describe('a model', () => {
  test('that does not exist is 404 and never asked for', async () => {
    const { status, sent, json } = await send('/v1/chat/completions', { model: 'gpt-5', messages: HELLO });
    expect([status, sent]).toEqual([404, undefined]);
    expect(json().error).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      param: 'model',
      type: 'invalid_request_error',
      message: "Model 'gpt-5' does not exist here. GET /v1/models lists those that do.",
    });
  });

  test('of an alias is usable with a right to what it stands for', async () => {
    const body = { model: 'openai/gpt-4.1', messages: HELLO };
    const { status, sent, headers } = await send('/v1/chat/completions', body, { key: 'narrow' });
    expect([status, headers.get('x-gateway-model')]).toEqual([200, 'gpt-4']);
    expect(JSON.parse(sent ?? '')).toEqual({ model: 'gpt-4', messages: HELLO });
    expect((await send('/v1/chat/completions', { ...body, model: 'llama-2' }, { key: 'wild' })).status).toBe(200);
  });

  test('that the caller may not use is 403, whether it exists or not', async () => {
    for (const model of ['llama', 'gpt-5', 'gpt-*']) {
      const { status, sent, json } = await send('/v1/chat/completions', { model, messages: HELLO }, { key: 'narrow' });
      expect([status, sent]).toEqual([403, undefined]);
      expect(json().error).toMatchObject({
        code: 'MODEL_NOT_ALLOWED',
        message: `Model '${model}' not available for your credential`,
      });
    }
  });

  test('is held to the route too, and without a catalogue any other is passed on', async () => {
    expect((await send('/team/chat/completions', { model: 'gpt-5', messages: HELLO })).status).toBe(403);
    const { status, sent, headers } = await send('/rest/v1/chat/completions', { model: 'gpt-5', messages: HELLO });
    expect([status, headers.get('x-gateway-model')]).toEqual([200, 'gpt-5']);
    expect(sent).toBe(JSON.stringify({ model: 'gpt-5', messages: HELLO }));
  });

  test('has a limit of its own, which others do not share and a refused body does not count on', async () => {
    const ask = async (model: string, messages: object = HELLO) =>
      (await send('/v1/chat/completions', { model, messages })).status;
    expect(await ask('org/model-x', [])).toBe(422);
    expect([await ask('org/model-x'), await ask('org/model-x'), await ask('gpt-4')]).toEqual([200, 429, 200]);
  });

  test('is judged, found and renamed on images too, in a form as well as in JSON', async () => {
    const images = { model: 'llama', prompt: 'a cat' };
    const named = await send('/v1/images/generations', images);
    expect([named.status, JSON.parse(named.sent ?? '')]).toEqual([200, { ...images, model: 'llama-2-70b' }]);
    expect((await send('/v1/images/generations', { ...images, model: 'gpt-5' })).status).toBe(404);
    expect((await send('/v1/images/generations', images, { key: 'narrow' })).status).toBe(403);
    const unnamed = await send('/v1/images/generations', { prompt: 'a cat' }, { key: 'narrow' });
    expect([unnamed.status, JSON.parse(unnamed.sent ?? '')]).toEqual([200, { prompt: 'a cat', model: 'gpt-4' }]);
    const alias = await send('/v1/images/generations', { ...images, model: 'openai/gpt-4.1' }, { key: 'narrow' });
    expect(JSON.parse(alias.sent ?? '')).toEqual({ ...images, model: 'gpt-4' });
  });
});

describe('a form', () => {
  const part = (head: string, value: string): string =>
    `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`;
  const AUDIO = part('name="file"; filename="a.wav"', 'RIFF\u0000\r\n--');
  const form = { headers: { 'Content-Type': 'multipart/form-data; boundary=b' } };
  const transcribe = (body: string, asked: Asked = {}) => send('/v1/audio/transcriptions', body, { ...asked, ...form });

  test('names a model that is judged and renamed, and every other byte is sent as it came', async () => {
    const { status, sent, headers } = await transcribe(`${AUDIO}${part('name="model"', 'llama')}--b--\r\n`);
    expect([status, headers.get('x-gateway-model')]).toEqual([200, 'llama-2']);
    expect(sent).toBe(`${AUDIO}${part('name="model"', 'llama-2-70b')}--b--\r\n`);
    expect((await transcribe(`${AUDIO}${part('name="model"', 'gpt-5')}--b--`)).status).toBe(404);
    expect((await transcribe(`${AUDIO}${part('name="model"', 'llama')}--b--`, { key: 'narrow' })).status).toBe(403);
  });

  test('without a model gets the default', async () => {
    expect((await transcribe(`${AUDIO}--b--`)).sent).toBe(`${part('name="model"', 'llama-2-70b')}${AUDIO}--b--`);
  });

  test.each([
    ['with two models', `${part('name="model"', 'gpt-4')}${part('name="model"', 'llama')}--b--`],
    ['with a model that is a file', `${part('name="model"; filename="x"', 'gpt-4')}--b--`],
    ['with another spelling', `${part('name="Model"', 'gpt-4')}--b--`],
    ['with an unquoted name', `${part('name=model', 'gpt-4')}--b--`],
    ['with an extended name', `${part("name*=utf-8''model", 'gpt-4')}--b--`],
    ['with two dispositions', `${part('name="a"\r\nContent-Disposition: form-data; name="model"', 'gpt-4')}--b--`],
    ['with a folded head', `${part('name="a";\r\n name="model"', 'gpt-4')}--b--`],
    ['with something before it', `x\r\n${AUDIO}--b--`],
    ['with something behind it', `${AUDIO}--b--\r\n${part('name="model"', 'gpt-4')}`],
    ['with a boundary inside a line', `${part('name="a"', 'x--b\r\n')}--b--`],
    ['with bare line feeds', '--b\nContent-Disposition: form-data; name="model"\n\ngpt-4\n--b--'],
    ['without an end', AUDIO],
  ])('%s is refused before anybody is asked', async (_what, body) => {
    const { status, sent } = await transcribe(body);
    expect([status, sent]).toEqual([400, undefined]);
  });
});

describe('a body', () => {
  const chat = '/v1/chat/completions';
  const valid = JSON.stringify({ model: 'gpt-4', messages: HELLO });

  test.each<[string, string | Uint8Array, number, string, string | null]>([
    ['without JSON', '{', 400, 'VALIDATION_ERROR', null],
    ['with a key twice', '{"model":"gpt-4","mod\\u0065l":"gpt-5"}', 400, 'VALIDATION_ERROR', 'model'],
    ['with a byte order mark', `\ufeff${valid}`, 400, 'VALIDATION_ERROR', null],
    ['that is not UTF-8', Buffer.from(valid.replace('Hello', '\xff'), 'latin1'), 400, 'VALIDATION_ERROR', null],
    ['that is a list', '[]', 400, 'VALIDATION_ERROR', null],
    ['that is empty', '', 400, 'VALIDATION_ERROR', null],
    ['with text for a flag', '{"stream":"yes"}', 400, 'VALIDATION_ERROR', 'stream'],
    ['without messages', '{"model":"gpt-4"}', 400, 'VALIDATION_ERROR', 'messages'],
    ['with no messages', '{"messages":[]}', 422, 'VALUE_ERROR', 'messages'],
  ])('%s is refused before anybody is asked', async (_what, body, status, code, param) => {
    const refused = await send(chat, body);
    expect([refused.status, refused.sent]).toEqual([status, undefined]);
    expect(refused.json().error).toMatchObject({ code, param });
  });

  test('that is compressed is 415 and says what to do', async () => {
    const refused = await send(chat, valid, { headers: { 'Content-Encoding': 'gzip' } });
    expect(refused.status).toBe(415);
    expect(refused.json().error['message']).toContain('send it without Content-Encoding');
    expect((await send(chat, valid, { headers: { 'Content-Encoding': 'identity' } })).status).toBe(200);
  });

  test('is refused in the dialect of the route', async () => {
    const refused = await send('/rest/v1/messages', { messages: [] });
    expect(refused.status).toBe(422);
    expect(JSON.parse(refused.text)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
  });

  test('for embeddings needs something to embed', async () => {
    expect((await send('/v1/embeddings', { model: 'm', input: [] })).status).toBe(422);
    expect((await send('/v1/embed', { input_text: '' })).status).toBe(422);
    expect((await send('/v1/embed', { input_text: 1 })).status).toBe(400);
    expect(await send('/v1/embeddings', { model: 'm', input: 'x' })).toMatchObject({
      status: 200,
      sent: '{"model":"m","input":"x"}',
    });
  });
});

describe('the list of models', () => {
  const ids = async (path: string, asked?: Asked) =>
    (await send(path, undefined, asked)).json().data.map(({ id }) => id);

  test('is the catalogue as far as the caller may use it, in the shape of the API, and asks nobody', async () => {
    const { status, text, target, headers } = await send('/v1/models');
    expect([status, target, headers.get('content-type')]).toEqual([200, undefined, 'application/json']);
    const model = { object: 'model', created: 0, owned_by: 'chat' };
    const data = ['gpt-4', 'llama-2', 'org/model-x'].map((id) => ({ id, ...model }));
    expect(JSON.parse(text)).toEqual({ object: 'list', data });
    expect(await ids('/v1/models', { key: 'narrow' })).toEqual(['gpt-4']);
    expect(await ids('/api/v1/chat/models', { key: 'wild' })).toEqual(['gpt-4', 'llama-2']);
    expect(await ids('/chat/v1/models')).toHaveLength(3);
  });

  test('holds each model by name, with a slash in it as well as escaped', async () => {
    for (const path of ['org/model-x', 'org%2Fmodel-x'])
      expect((await send(`/v1/models/${path}`)).json()).toMatchObject({ id: 'org/model-x', object: 'model' });
    expect((await send('/v1/models/openai/gpt-4.1')).json()).toMatchObject({ id: 'openai/gpt-4.1' });
    const unknown = await send('/v1/models/gpt-5');
    expect([unknown.status, unknown.json().error['code']]).toEqual([404, 'MODEL_NOT_FOUND']);
    expect((await send('/v1/models/llama', undefined, { key: 'narrow' })).status).toBe(403);
  });

  test('is one that clients of the Messages API understand, when they ask', async () => {
    const { text } = await send('/v1/models', undefined, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(JSON.parse(text)).toMatchObject({
      data: [{ type: 'model', id: 'gpt-4', display_name: 'gpt-4' }, { id: 'llama-2' }, { id: 'org/model-x' }],
      has_more: false,
      first_id: 'gpt-4',
      last_id: 'org/model-x',
    });
  });

  test("is the upstream's own where there is no catalogue", async () => {
    expect(await send('/rest/v1/models/a%2Fb')).toMatchObject({ status: 200, target: '/v1/models/a%2Fb' });
  });
});
