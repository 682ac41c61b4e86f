// What the fallbacks of a model are asked for.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const TOO_LONG = { error: { message: 'Too long.', type: 'invalid_request_error', code: 'context_length_exceeded' } };
const FILTERED = { error: { message: 'Filtered.', code: 'content_filter' } };
const WRONG = { error: { message: 'temperature is too high', code: 'invalid_value', param: 'temperature' } };
const UPSTREAM_KEY = 'sk-of-the-operator-0123456789';

let provider: RawUpstream;
let gateway: TestGateway;
/** Names of the models that were asked. */
let asked: string[];
let refusal: { readonly status: number; readonly body: object };

beforeAll(async () => {
  provider = await startRawUpstream();
  const model = (on: string) => `{ unpriced: free, fallbacks: [large]${on && `, fallback_on: ${on}`} }`;
  const entries = `{ usual: ${model('')}, long: ${model('[context_length]')}, safe: ${model('[content_policy, auth]')}, large: { unpriced: free } }`;
  gateway = await startTestGateway(
    `
settings: { ${QUICK_SHUTDOWN} }
services:
  chat: { kind: llm, targets: [{ url: "${provider.url}/v1", api_key: "\${UPSTREAM_KEY}" }], circuit_breaker: false, cooldown: false, models: { entries: ${entries} } }
`,
    { env: { UPSTREAM_KEY } },
  );
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

beforeEach(() => {
  asked = [];
  provider.play(async (call) => {
    await call.received;
    const { model } = JSON.parse(call.request.body.toString()) as { model: string };
    asked.push(model);
    const { status, body } = model === 'large' ? { status: 200, body: { choices: [] } } : refusal;
    await call.answer(status, JSON.stringify(body), { 'Content-Type': 'application/json' });
  });
});

function ask(model: string): Promise<RawResponse> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] });
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: g', `X-API-Key: ${API_KEY}`];
  return sendRaw(
    gateway.url,
    [...head, 'Content-Type: application/json', `Content-Length: ${body.length}`, '', body].join('\r\n'),
  );
}

describe('a fallback answers', () => {
  test.each([
    ['usual', 429, WRONG],
    ['usual', 500, WRONG],
    ['long', 400, TOO_LONG],
    ['long', 413, TOO_LONG],
    ['safe', 400, FILTERED],
  ])('%s after %i', async (model, status, body) => {
    refusal = { status, body };
    expect(await ask(model)).toMatchObject({ status: 200 });
    expect(asked).toEqual([model, 'large']);
  });

  test('for a key that is refused where that is wanted, and the alarm is raised', async () => {
    refusal = { status: 401, body: WRONG };
    expect(await ask('safe')).toMatchObject({ status: 200 });
    expect(
      gateway.logged.filter(({ level, msg }) => level === 'error' && String(msg).startsWith('alarm')),
    ).toHaveLength(1);
  });
});

describe('no fallback answers, and the client sees what was said', () => {
  test.each([
    ['usual', 400, TOO_LONG],
    ['usual', 400, FILTERED],
    ['long', 400, FILTERED],
    ['long', 400, WRONG],
    ['long', 429, WRONG],
    ['safe', 422, TOO_LONG],
  ])('%s after %i', async (model, status, body) => {
    refusal = { status, body };
    const answer = await ask(model);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([status, body]);
    expect(answer.isComplete).toBe(true);
    expect(asked).not.toContain('large');
  });

  test('a refused key is 502 as ever', async () => {
    refusal = { status: 401, body: WRONG };
    expect(await ask('usual')).toMatchObject({ status: 502 });
    expect(asked).toEqual(['usual']);
  });

  test('the key of the operator is masked in an error that was read', async () => {
    refusal = { status: 400, body: { error: { message: `Key ${UPSTREAM_KEY} has no access`, code: 'x' } } };
    const answer = await ask('long');
    expect(answer.text).toContain('has no access');
    expect(answer.text).not.toContain(UPSTREAM_KEY);
  });
});
