// The commands of the document that examples/chat-gateway.yaml comes from, against the real program.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { bearer, getJson, type JsonAnswer, postJson, readExample } from '../support/example.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const config = readExample('chat-gateway.yaml');
const env = { SECRET_KEY: 'nobody-knows-this-one-0123456789abcdef' };
const password = 'yourpassword';

let llm: RunningService;
let gateway: GatewayProcess;

beforeAll(async () => {
  llm = await startLlm({ port: 0 });
  gateway = await startGatewayProcess({ config, env: { ...env, OPENAI_BASE_URL: `${llm.url}/v1` } });
});

afterAll(async () => {
  await gateway.stop();
  await llm.close();
});

/** `curl -X POST …/v1/auth/signup …`, then `curl -X POST …/v1/auth/login …`; resolves with the token. */
async function signUpAndLogIn(email: string): Promise<string> {
  expect((await postJson(`${gateway.url}/v1/auth/signup`, { email, password })).status).toBe(201);
  const { status, body } = await postJson(`${gateway.url}/v1/auth/login`, { email, password });
  expect(status).toBe(200);
  expect(body).toMatchObject({ access_token: expect.stringMatching(/^ey/), token_type: 'bearer' });
  return body['access_token'] as string;
}

/** `curl -X POST …/v1/auth/api-keys -H "Authorization: Bearer YOUR_JWT" -d '{"name": "My API Key"}'` */
async function createKey(token: string): Promise<string> {
  const { status, body } = await postJson(`${gateway.url}/v1/auth/api-keys`, { name: 'My API Key' }, bearer(token));
  expect(status).toBe(201);
  expect(body).toMatchObject({ name: 'My API Key' });
  return body['api_key'] as string;
}

/** `curl -X POST …/v1/chat/completions -H "Authorization: Bearer …"` */
function chat(credential: string, model = 'gpt-3.5-turbo'): Promise<JsonAnswer> {
  const messages = [{ role: 'user', content: 'Tell me a joke' }];
  const body = { messages, ...(model !== '' && { model }), stream: false };
  return postJson(`${gateway.url}/v1/chat/completions`, body, bearer(credential));
}

/** `curl -i …/v1/auth/me -H "Authorization: Bearer YOUR_TOKEN"` */
function getMe(credential: string): Promise<JsonAnswer> {
  return getJson(`${gateway.url}/v1/auth/me`, bearer(credential));
}

test('sign-up answers with a free account, and the same address again with 409', async () => {
  const account = { email: 'your@email.com', password };
  const { status, body } = await postJson(`${gateway.url}/v1/auth/signup`, account);
  expect(status).toBe(201);
  expect(body).toMatchObject({ email: 'your@email.com', tier: 'free' });
  expect((await postJson(`${gateway.url}/v1/auth/signup`, account)).status).toBe(409);
});

test('a login with the wrong password, or of nobody, is the same 401', async () => {
  await signUpAndLogIn('test@example.com');
  const wrong = await postJson(`${gateway.url}/v1/auth/login`, { email: 'test@example.com', password: 'password124' });
  const unknown = await postJson(`${gateway.url}/v1/auth/login`, { email: 'nobody@example.com', password });
  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  expect(unknown.body['detail']).toBe(wrong.body['detail']);
});

test('the token of a login opens the chat', async () => {
  const { status, body, headers } = await chat(await signUpAndLogIn('token@example.com'));
  expect(status).toBe(200);
  expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['10', '9']);
  expect(body).toMatchObject({ object: 'chat.completion', choices: [{ message: { role: 'assistant' } }] });
});

test('a chat that names no model is one with the default', async () => {
  const { status, headers } = await chat(await signUpAndLogIn('default@example.com'), '');
  expect([status, headers.get('x-gateway-model')]).toEqual([200, 'gpt-3.5-turbo']);
});

test('an API key made with the token opens the chat as Bearer, whole and streamed', async () => {
  const key = await createKey(await signUpAndLogIn('key@example.com'));
  expect(key).toMatch(/^sk_live_/);
  expect((await chat(key)).status).toBe(200);
  const res = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...bearer(key) },
    body: JSON.stringify({ model: 'gpt-3.5-turbo', stream: true, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  expect(res.headers.get('content-type')).toContain('text/event-stream');
  expect(await res.text()).toMatch(/data: \[DONE\]\s*$/);
});

test('me shows the same caller to token and key, and where the limit of the tier stands', async () => {
  const token = await signUpAndLogIn('me@example.com');
  const [byToken, byKey] = [await getMe(token), await getMe(await createKey(token))];
  expect(byToken.status).toBe(200);
  expect(byToken.body).toMatchObject({ email: 'me@example.com', tier: 'free' });
  expect(byKey.body['id']).toBe(byToken.body['id']);
  expect(byToken.headers.get('x-ratelimit-limit')).toBe('10');
  expect(byToken.headers.get('x-ratelimit-remaining')).toBe('9');
  expect(byKey.headers.get('x-ratelimit-remaining')).toBe('8');
});

test('after ten requests a minute a free account gets 429 with Retry-After, on me and on the chat', async () => {
  const token = await signUpAndLogIn('busy@example.com');
  const answers: JsonAnswer[] = [];
  for (let n = 0; n < 12; n += 1) answers.push(await getMe(token));
  expect(answers.slice(0, 10).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
  const refused = answers.at(-1) as JsonAnswer;
  expect(refused.status).toBe(429);
  expect(refused.body).toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await chat(token)).status).toBe(429);
});

test('without a credential, and with a made-up one, nothing is answered', async () => {
  for (const headers of [{}, bearer('sk-5xP2jKl9mN4qR8tY1wZ3vC6bH8nL0pM4'), bearer('ey.ey.ey')]) {
    expect((await getJson(`${gateway.url}/v1/auth/me`, headers)).status).toBe(401);
    expect((await postJson(`${gateway.url}/v1/chat/completions`, {}, headers)).status).toBe(401);
  }
});

test('the start is refused without a secret to sign tokens with', async () => {
  await expect(startGatewayProcess({ config })).rejects.toMatchObject({
    exit: 1,
    lines: expect.arrayContaining([expect.stringContaining('SECRET_KEY')]),
  });
});
