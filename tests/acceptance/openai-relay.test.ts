// What the document that examples/openai-relay.yaml comes from promises, against the real program.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { bearer, getJson, type JsonAnswer, postJson, readExample } from '../support/example.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const upstreamKey = 'sk-the-key-of-the-relay';
const password = 'a-password-of-the-tests';

let openai: RunningService;
let gateway: GatewayProcess;

beforeAll(async () => {
  openai = await startLlm({ port: 0, apiKey: upstreamKey });
  const env = {
    SECRET_KEY: 'nobody-knows-this-one-0123456789abcdef',
    OPENAI_BASE_URL: `${openai.url}/v1`,
    OPENAI_API_KEY: upstreamKey,
  };
  gateway = await startGatewayProcess({ config: readExample('openai-relay.yaml'), env });
});

afterAll(async () => {
  await gateway.stop();
  await openai.close();
});

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

const call = (path: string) => `${gateway.url}/api/v1/${path}`;

async function registerAndLogIn(email: string): Promise<Tokens> {
  expect((await postJson(call('auth/register'), { email, password })).status).toBe(201);
  const { status, body } = await postJson(call('auth/login'), { email, password });
  expect(status).toBe(200);
  return body as unknown as Tokens;
}

function refresh({ refresh_token }: Tokens): Promise<JsonAnswer> {
  return postJson(call('auth/refresh'), { refresh_token });
}

function getMe({ access_token }: Tokens): Promise<JsonAnswer> {
  return getJson(call('auth/me'), bearer(access_token));
}

test('a registered user logs in and is told who they are', async () => {
  const { status, body, headers } = await getMe(await registerAndLogIn('who@example.com'));
  expect(status).toBe(200);
  expect(body).toMatchObject({ email: 'who@example.com', credential: { kind: 'token' } });
  expect(headers.get('x-ratelimit-limit')).toBe('100');
});

test('the relay calls OpenAI with its own key, and the user never sees it', async () => {
  const { access_token: token } = await registerAndLogIn('chat@example.com');
  const body = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello!' }] };
  const answer = await postJson(call('chat/completions'), body, bearer(token));
  expect(answer.status).toBe(200);
  expect(JSON.stringify([answer.body, ...answer.headers])).not.toContain(upstreamKey);
  const models = await getJson(call('chat/models'), bearer(token));
  expect(models.body).toMatchObject({ object: 'list' });
});

test('a chat that names no model is one with the default, and .../stream streams it unasked', async () => {
  const { access_token: token } = await registerAndLogIn('stream@example.com');
  const body = { messages: [{ role: 'user', content: 'Hello!' }] };
  const whole = await postJson(call('chat/completions'), body, bearer(token));
  expect([whole.status, whole.headers.get('x-gateway-model')]).toEqual([200, 'gpt-4o-mini']);
  const headers = { 'Content-Type': 'application/json', ...bearer(token) };
  const res = await fetch(call('chat/completions/stream'), { method: 'POST', headers, body: JSON.stringify(body) });
  expect(res.headers.get('content-type')).toContain('text/event-stream');
  expect(await res.text()).toMatch(/"model":"gpt-4o-mini"[^]*data: \[DONE\]\s*$/);
});

test('a refresh gives new tokens that work', async () => {
  const first = await registerAndLogIn('refresh@example.com');
  const { status, body } = await refresh(first);
  expect(status).toBe(200);
  const second = body as unknown as Tokens;
  expect(second.refresh_token).not.toBe(first.refresh_token);
  expect((await getMe(second)).status).toBe(200);
});

test('a refresh token used twice ends the whole login', async () => {
  const first = await registerAndLogIn('replay@example.com');
  const second = (await refresh(first)).body as unknown as Tokens;
  expect((await refresh(first)).status).toBe(401);
  expect((await refresh(second)).status).toBe(401);
  expect((await getMe(second)).status).toBe(401);
});

test('a logout ends the token and the login', async () => {
  const tokens = await registerAndLogIn('bye@example.com');
  const res = await fetch(call('auth/logout'), { method: 'POST', headers: bearer(tokens.access_token) });
  expect(res.status).toBeLessThan(300);
  expect((await getMe(tokens)).status).toBe(401);
  expect((await refresh(tokens)).status).toBe(401);
});

test('a browser of the configured origin may call, another may not', async () => {
  const ask = (origin: string) => fetch(call('chat/models'), { method: 'GET', headers: { Origin: origin } });
  const allowed = await ask('http://localhost:3000');
  expect(allowed.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
  expect((await ask('http://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
});

test('/api/v1/health answers everybody, its details only the holder of the master key', async () => {
  expect((await getJson(call('health'))).status).toBe(200);
  expect((await getJson(call('health/detailed'))).status).toBe(401);
  const detailed = await getJson(call('health/detailed'), { 'X-Master-Key': gateway.masterKey });
  expect(detailed.status).toBe(200);
});
