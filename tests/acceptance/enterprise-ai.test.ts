// The commands of the document that examples/enterprise-ai.yaml comes from, against the real program.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { bearer, getJson, type JsonAnswer, postJson, readExample, readExampleEnvironment } from '../support/example.ts';
import { findFreePort } from '../support/free-port.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { StartFailure } from '../support/server-process.ts';

const config = readExample('enterprise-ai.yaml');
const example = readExampleEnvironment('enterprise-ai.env');
const upstreamKey = 'sk-the-key-of-the-gateway';
const secret = example['JWT_SECRET_KEY'] as string;

let llm: RunningService;
let gateway: GatewayProcess;

beforeAll(async () => {
  llm = await startLlm({ port: 0, apiKey: upstreamKey });
  const upstream = { OPENAI_BASE_URL: `${llm.url}/v1`, OPENAI_API_KEY: upstreamKey };
  const env = { ...example, ...upstream, PROMETHEUS_PORT: String(await findFreePort()) };
  gateway = await startGatewayProcess({ config, env, args: ['--dev'] });
});

afterAll(async () => {
  await gateway.stop();
  await llm.close();
});

const advisor = { username: 'advisor@wealth.com', lob: 'wealth', models: ['gpt-4', 'llama'], rate_limit: 100 };

/** `curl -X POST http://localhost:8000/auth/token -H "Content-Type: application/json" -d '{"username": …}'` */
async function issueToken(fields: object): Promise<string> {
  const { status, body } = await postJson(`${gateway.url}/auth/token`, fields);
  expect(status).toBe(200);
  return body['access_token'] as string;
}

/** `curl -X POST …/api/v1/chat/completions -H "Authorization: Bearer <JWT_TOKEN>" …` */
function chat(token: string, model = 'gpt-4'): Promise<JsonAnswer> {
  const messages = [{ role: 'user', content: 'Write a short haiku about programming' }];
  return postJson(`${gateway.url}/api/v1/chat/completions`, { model, messages }, bearer(token));
}

function decodePart(token: string, index: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

function encodePart(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** A token as somebody else makes it who knows, or does not know, the secret. */
function forge(claims: object, { key = secret, alg = 'HS256' } = {}): string {
  const signed = `${encodePart({ alg, typ: 'JWT' })}.${encodePart(claims)}`;
  return `${signed}.${alg === 'none' ? '' : createHmac('sha256', key).update(signed).digest('base64url')}`;
}

const now = () => Math.floor(Date.now() / 1000);

test('/auth/token gives a token that says who calls, for whom, with which models and how often', async () => {
  const token = await issueToken({ ...advisor, permissions: ['read:portfolio', 'write:recommendations'] });
  expect(decodePart(token, 0)).toMatchObject({ alg: 'HS256' });
  const claims = decodePart(token, 1) as { exp: number; iat: number };
  const { username, ...rest } = advisor;
  expect(claims).toMatchObject({ sub: username, ...rest, permissions: ['read:portfolio', 'write:recommendations'] });
  expect(Math.ceil(claims.exp - claims.iat)).toBe(24 * 3600);
});

test('a token opens the chat, also one of the structure that the document shows and nothing more', async () => {
  const { status, body } = await chat(await issueToken(advisor));
  expect(status).toBe(200);
  expect(body).toMatchObject({ model: 'gpt-4' });
  const shown = { ...advisor, sub: 'somebody@wealth.com', exp: now() + 3600, iat: now() };
  expect((await chat(forge(shown))).status).toBe(200);
});

test('a model outside the token is refused, and one outside the gateway too', async () => {
  const token = await issueToken({ ...advisor, username: 'models@wealth.com', models: ['gpt-4', 'gpt-5'] });
  for (const model of ['mistral', 'gpt-5']) {
    const { status, body } = await chat(token, model);
    expect(status).toBe(403);
    expect(body).toMatchObject({
      status: 'error',
      error_code: 'MODEL_NOT_ALLOWED',
      message: `Model '${model}' not available for your LoB`,
      request_id: expect.stringMatching(/^req_/),
    });
  }
});

test('a model may be asked for by another name, or not at all', async () => {
  const token = await issueToken({ ...advisor, username: 'names@wealth.com' });
  const { status, headers } = await chat(token, 'openai/gpt-4.1');
  expect([status, headers.get('x-gateway-model')]).toEqual([200, 'gpt-4']);
  expect((await chat(token, 'llama')).headers.get('x-gateway-model')).toBe('llama-2');
  const messages = [{ role: 'user', content: 'Say hello.' }];
  const unnamed = await postJson(`${gateway.url}/api/v1/chat/completions`, { messages }, bearer(token));
  expect([unnamed.status, unnamed.headers.get('x-gateway-model')]).toEqual([200, 'gpt-4']);
  const models = await getJson(`${gateway.url}/api/v1/chat/models`, bearer(token));
  expect(models.body['data']).toMatchObject([{ id: 'gpt-4' }, { id: 'llama-2' }]);
});

test('a success has the shape of the document, and a stream that of OpenAI', async () => {
  const token = await issueToken({ ...advisor, username: 'shape@wealth.com' });
  const { body, headers } = await chat(token, 'openai/gpt-4.1');
  expect(body).toEqual({
    request_id: headers.get('x-request-id'),
    status: 'success',
    model: 'gpt-4',
    response: expect.stringContaining('Write a short haiku about programming'),
    metadata: {
      tokens_used: expect.any(Number),
      latency_ms: expect.any(Number),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    },
  });
  const res = await fetch(`${gateway.url}/api/v1/chat/completions/stream`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...bearer(token) },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }] }),
  });
  expect(await res.text()).toMatch(/^data: \{"id":"chatcmpl-[^]*data: \[DONE\]\s*$/);
});

test('a key for OpenAI that the caller sends is not used where that is not allowed', async () => {
  const token = await issueToken({ ...advisor, username: 'override@wealth.com' });
  const body = { model: 'openai/gpt-4.1', messages: [{ role: 'user', content: 'Say hello.' }] };
  const brought = { ...bearer(token), 'openai-api-key': 'sk-unknown-to-openai' };
  expect((await postJson(`${gateway.url}/api/v1/chat/completions`, body, brought)).status).toBe(200);
});

test('the metrics have the names of the document', async () => {
  const token = await issueToken({ ...advisor, username: 'measured@wealth.com', rate_limit: 1 });
  expect([(await chat(token)).status, (await chat(token)).status]).toEqual([200, 429]);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/^ai_gateway_requests_total\{model="gpt-4",status="success"\} [1-9]/m);
  expect(metrics).toMatch(/^ai_gateway_request_duration_seconds_count\{model="gpt-4"\} [1-9]/m);
  expect(metrics).toMatch(/^ai_gateway_rate_limit_hits\{user_id="measured@wealth\.com"\} 1$/m);
  expect(metrics).toMatch(/^ai_gateway_tokens_used\{model="gpt-4"\} [1-9]/m);
});

test('rate_limit of the token is what its user gets in an hour, and the refusal says when it ends', async () => {
  const token = await issueToken({ ...advisor, username: 'three@wealth.com', rate_limit: 3 });
  for (let n = 0; n < 3; n += 1) expect((await chat(token)).status).toBe(200);
  const { status, body, headers } = await chat(token);
  expect(status).toBe(429);
  expect(body).toMatchObject({
    status: 'error',
    error_code: 'RATE_LIMIT_EXCEEDED',
    message: 'User has exceeded rate limit (3 requests/hour)',
    details: { current_count: 3, limit: 3, reset_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/) },
  });
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await chat(await issueToken({ ...advisor, username: 'other@wealth.com' }))).status).toBe(200);
});

test('a claim cannot buy more than the gateway gives', async () => {
  const token = await issueToken({ ...advisor, username: 'greedy@wealth.com', rate_limit: 1_000_000 });
  const { headers } = await chat(token);
  expect(Number(headers.get('x-ratelimit-limit'))).toBeLessThanOrEqual(100);
});

test('an expired token is told so', async () => {
  const { status, body } = await chat(forge({ ...advisor, sub: 'late@wealth.com', exp: now() - 3600 }));
  expect(status).toBe(401);
  expect(body).toMatchObject({ status: 'error', error_code: 'EXPIRED_CREDENTIAL', message: 'Token has expired' });
});

test.each([
  ['signed with another secret', { key: 'another-secret-of-at-least-32-bytes' }],
  ['without a signature', { alg: 'none' }],
])('a forged token is refused: %s', async (_how, how) => {
  const { status, body } = await chat(forge({ ...advisor, sub: 'forger', exp: now() + 3600 }, how));
  expect(status).toBe(401);
  expect(body).toMatchObject({ error_code: 'INVALID_CREDENTIAL' });
});

test('a changed token is refused', async () => {
  const [header, , signature] = (await issueToken(advisor)).split('.');
  const claims = encodePart({ ...advisor, sub: 'admin', exp: now() + 3600 });
  expect((await chat(`${header}.${claims}.${signature}`)).status).toBe(401);
});

test('a revoked token is refused within two seconds, and another of the same user is not', async () => {
  const [first, second] = [await issueToken(advisor), await issueToken(advisor)];
  expect((await chat(first)).status).toBe(200);
  const { jti } = decodePart(first, 1);
  const master = { 'X-Master-Key': gateway.masterKey };
  expect((await postJson(`${gateway.url}/admin/tokens/revoke`, { jti }, master)).status).toBe(200);
  const refused = await until(async () => (await chat(first)).status === 401 && chat(first), { timeoutMs: 2000 });
  expect(refused.body).toMatchObject({ error_code: 'REVOKED_CREDENTIAL' });
  expect((await chat(second)).status).toBe(200);
  const audit = await getJson(`${gateway.url}/admin/audit?action=token.revoke`, master);
  expect(audit.body['items']).toEqual([expect.objectContaining({ actor: 'master_key' })]);
});

test('without --dev the secret that everybody knows is refused, and so is /auth/token to strangers', async () => {
  const env = { ...example, PROMETHEUS_PORT: String(await findFreePort()) };
  await expect(startGatewayProcess({ config, env })).rejects.toMatchObject({
    constructor: StartFailure,
    exit: 1,
    lines: expect.arrayContaining([expect.stringContaining('sample secret')]),
  });
  const safe = { ...env, JWT_SECRET_KEY: 'nobody-knows-this-one-0123456789abcdef' };
  const closed = await startGatewayProcess({ config, env: safe });
  try {
    expect((await postJson(`${closed.url}/auth/token`, advisor)).status).toBe(401);
    const master = { 'X-Master-Key': closed.masterKey };
    expect((await postJson(`${closed.url}/auth/token`, advisor, master)).status).toBe(200);
  } finally {
    await closed.stop();
  }
});
