// Callers who may use one model try to reach another through whatever some provider takes for its name, and requests
// that are heavy to read or impossible to count are sent on purpose.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseModelBody } from '../../src/llm/body/parse-body.ts';
import { type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let provider: RawUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  provider = await startRawUpstream(async (call) => {
    await call.received;
    const usage = { prompt_tokens: 1, completion_tokens: 1 };
    await call.answer(200, JSON.stringify({ choices: [], usage }), { 'Content-Type': 'application/json' });
  });
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
consumers:
  - { id: narrow, keys: [{ hash: "${hashOf('narrow')}", models: [small] }] }
  - { id: wide, keys: [{ hash: "${hashOf('wide')}" }] }
services:
  listed:
    kind: llm
    url: "${provider.url}/v1"
    models:
      default: small
      entries: { small: { price: { input_per_million: 1 } }, big: { price: { input_per_million: 9 } } }
  open: { kind: llm, url: "${provider.url}/v1" }
routes:
  - { name: listed, match: { path: "/listed/*" }, rewrite: { strip_prefix: /listed }, service: listed }
  - { name: open, match: { path: "/open/*" }, rewrite: { strip_prefix: /open }, service: open }
`);
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

function hashOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

interface Attack {
  readonly line: string;
  readonly body?: string;
  readonly type?: string;
  readonly key?: string;
}

async function send({ line, body = '', type = 'application/json', key = 'narrow' }: Attack): Promise<RawResponse> {
  const head = [`${line} HTTP/1.1`, 'Host: g', `X-API-Key: ${key}`, `Content-Type: ${type}`];
  return sendRaw(gateway.url, [...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}

const CHAT = '"messages":[{"role":"user","content":"hi"}]';
const FORM = 'application/x-www-form-urlencoded';

describe.each(['listed', 'open'])('who may use one model gets no other on the route %s', (route) => {
  test.each([
    '{"model":"big",_}',
    '{"model":"BIG",_}',
    '{"model":"small ",_}',
    '{"model":"\\u0062ig",_}',
    '{"model":["big"],_}',
    '{"model":"small","mode\\u006c":"big",_}',
    '{"model":"small","Model":"big",_}',
    '{"MODEL":"big",_}',
    '{"model":"small","models":["big"],_}',
    '{"model":"small","fallbacks":[{"model":"big"}],_}',
    '{"model":"small","tools":[{"type":"image_generation","model":"big"}],_}',
    '{"model":"small","fallbacks":"big",_}',
    '{"model":"small","fallbacks":[["big"]],_}',
    '{"model":"small","models":[{"name":"big"}],_}',
    '{"model":"small","engine":"big",_}',
    '{"model":"small","deployment":"big",_}',
    '{"model":"small","Deployment_Id":"big",_}',
    '{"model":"small","model_id":"big",_}',
    '{"model":"small","extra_body":{"model":"big"},_}',
    '{"model":"small","extra_body":{"a":[{"MODEL":"big"}]},_}',
    '{"model":"small","extra_body":{"model":"small","model":"big"},_}',
    '{"model":"small","extra_body":{"extra_body":{}},_}',
    '{"model":"small","Extra_Body":{"model":"big"},_}',
    '{"model":"small","user_config":{"model_list":[]},_}',
    '{"model":"small","model_list":[{"model_name":"small","litellm_params":{"model":"big"}}],_}',
    '{"model":"small","litellm_params":{"model":"big"},_}',
    '{"model":"small","router_settings":{},_}',
    '{"model":"small","provider":{"model":"big"},_}',
    '{"model":"small","plugins":[{"id":"web","model":"big"}],_}',
    '{"model":"small","api_base":"http://elsewhere",_}',
    '{"model":"small","tools":[{"type":"image_generation","model":["big"]}],_}',
  ])('by the body %s', async (body) => {
    const before = provider.requests.length;
    const answer = await send({ line: `POST /${route}/v1/chat/completions`, body: body.replace('_', CHAT) });
    expect([400, 403]).toContain(answer.status);
    expect(provider.requests).toHaveLength(before);
  });

  test.each([
    'POST /chat/completions?model=big',
    'POST /chat/completions?model=small&model=big',
    'POST /chat/completions?models[]=big',
    'POST /chat/completions?fallbacks=big',
    'POST /chat/completions?x=1&MODEL=big',
    'POST /chat/completions?mod%65l=big',
    'POST /audio/speech?model=big',
    'GET /realtime?model=big',
    'POST /engines/big/completions',
    'POST /deployments/big/chat/completions',
    'POST /models/big:generateContent',
    'POST /models%2Fbig:generateContent',
    'POST /openai/deployments/big/chat/completions',
    'POST /engine/big/chat/completions',
    'POST /deployment/big/chat/completions',
    'POST /big/chat/completions',
    'DELETE /models/big',
    'GET /models/big',
  ])('by the address %s', async (target) => {
    const before = provider.requests.length;
    const body = target.startsWith('POST') ? `{"model":"small",${CHAT}}` : '';
    const answer = await send({ line: target.replace(' ', ` /${route}/v1`), body });
    expect([403, 405]).toContain(answer.status);
    expect(provider.requests).toHaveLength(before);
  });

  test('by a body that is JSON here and a form there', async () => {
    const before = provider.requests.length;
    const answer = await send({
      line: `POST /${route}/v1/audio/speech`,
      body: '{"model":"small","a":"&model=big&"}',
      type: FORM,
    });
    expect(answer.status).toBe(415);
    expect(provider.requests).toHaveLength(before);
  });
});

test.each([FORM, 'application/json; charset=utf-7', 'multipart/form-data; boundary=b', 'text/plain'])(
  'a body that was read as JSON is not sent on as %s',
  async (type) => {
    const answer = await send({ line: 'POST /listed/v1/chat/completions', body: `{"model":"small",${CHAT}}`, type });
    expect(answer.status).toBe(200);
    expect(provider.requests.at(-1)?.headers.get('content-type')).toBe('application/json');
  },
);

test.each(['POST /listed/v1/chat/completions;x=1', 'POST /listed/v1;x/chat/completions'])(
  '%s is held to the catalogue and counted like any other spelling',
  async (line) => {
    expect((await send({ line, body: `{"model":"nowhere",${CHAT}}`, key: 'wide' })).status).toBe(404);
    const counted = await send({ line, body: `{"model":"big",${CHAT}}`, key: 'wide' });
    expect(counted.headers.get('x-gateway-model')).toBe('big');
  },
);

test('another name for the same model is not sent on, and a tool may ask another one that the caller may use', async () => {
  const fields = '"fallbacks":["small"],"engine":"small","tools":[{"type":"image_generation","model":"big"}]';
  const line = 'POST /listed/v1/responses?model=small&user=u';
  const answer = await send({ line, body: `{"model":"small","input":"hi",${fields}}`, key: 'wide' });
  expect(answer.status).toBe(200);
  const { target, body } = provider.requests.at(-1) as (typeof provider.requests)[number];
  expect([target, JSON.parse(body.toString())]).toEqual([
    '/v1/responses?user=u',
    { model: 'small', input: 'hi', tools: [{ type: 'image_generation', model: 'big' }] },
  ]);
});

test('a refusal of a second name says which field it is', async () => {
  const body = `{"model":"small","extra_body":{"a":{"model":"small"}},${CHAT}}`;
  const answer = await send({ line: 'POST /open/v1/chat/completions', body, key: 'wide' });
  expect(answer.status).toBe(403);
  expect(JSON.parse(answer.text).error).toMatchObject({ code: 'MODEL_NOT_ALLOWED', param: 'extra_body.a.model' });
});

describe('a body that is heavy to read is refused before it is parsed', () => {
  const many = (part: string, count: number): string => Array(count).fill(part).join(',');

  test.each([
    ['keys', `{"x":{${many('"k":1', 250_001)}}}`],
    ['items', `{"x":[${many('1', 1_000_002)}]}`],
    ['sections', `{"x":[${many('[]', 250_001)}]}`],
  ])('for its number of %s', (_, text) => {
    expect(parseModelBody(Buffer.from(text))).toMatchObject({ detail: 'The request body is made of too many parts.' });
  });
});
