// Bodies that are begun and never ended, with a caller beside them who sends whole ones.
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connectRaw, type RawConnection, type RawResponse, sendRaw } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const MIB = 1024 * 1024;

let provider: RawUpstream;
let gateway: TestGateway;
const held: RawConnection[] = [];

beforeAll(async () => {
  provider = await startRawUpstream(async (call) => {
    await call.received;
    await call.answer(200, '{"choices":[]}', { 'Content-Type': 'application/json' });
  });
  gateway = await startTestGateway(`
settings:
  ${QUICK_SHUTDOWN}
  trust_proxy: [loopback]
  limits: { buffered_bytes: 8MiB }
  accounts: { signup: open }
consumers:
  - { id: attacker, keys: [{ hash: "${hashOf('attacker')}" }] }
  - { id: accomplice, keys: [{ hash: "${hashOf('accomplice')}" }] }
  - { id: honest, keys: [{ hash: "${hashOf('honest')}" }] }
services: { ai: { kind: llm, url: "${provider.url}/v1" } }
routes: [{ name: ai, match: { path: "/ai/*" }, rewrite: { strip_prefix: /ai }, service: ai }]
`);
});
afterEach(() => {
  for (const connection of held.splice(0)) connection.destroy();
});
afterAll(async () => {
  await gateway.close();
  await provider.close();
});

function hashOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function head(path: string, length: number, ...lines: string[]): string {
  const common = ['Host: g', 'Content-Type: application/json', `Content-Length: ${length}`];
  return `${[`POST ${path} HTTP/1.1`, ...common, ...lines].join('\r\n')}\r\n\r\n`;
}

/** Begins a body and never ends it. */
async function hold(path: string, length: number, ...lines: string[]): Promise<void> {
  const connection = await connectRaw(gateway.url);
  connection.socket.on('error', () => undefined);
  held.push(connection);
  await connection.send(head(path, length, ...lines)).catch(() => undefined);
  await connection.send(Buffer.alloc(length - 10, 0x20)).catch(() => undefined);
}

function chat(key: string, bytes: number): Promise<RawResponse> {
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(bytes) }] });
  return sendRaw(gateway.url, head('/ai/v1/chat/completions', body.length, `X-API-Key: ${key}`) + body);
}

function login(address: string): Promise<RawResponse> {
  const body = JSON.stringify({ email: 'nobody@example.com', password: 'wrong-password' });
  return sendRaw(gateway.url, head('/v1/auth/login', body.length, `X-Forwarded-For: ${address}`) + body);
}

async function repeat<T>(times: number, work: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, i) => work(i)));
}

const statusesOf = (answers: readonly RawResponse[]) => [...new Set(answers.map(({ status }) => status))];

describe('half-sent requests to a model', () => {
  test('of one key hold half of the memory, and other callers are served', async () => {
    await repeat(12, () => hold('/ai/v1/chat/completions', MIB, 'X-API-Key: attacker'));
    expect(statusesOf(await repeat(5, () => chat('honest', 300_000)))).toEqual([200]);
    expect((await chat('attacker', MIB)).status).toBe(503);
  });

  test('of several keys leave a part to those who hold nothing', async () => {
    await repeat(12, () => hold('/ai/v1/chat/completions', MIB, 'X-API-Key: attacker'));
    await repeat(12, () => hold('/ai/v1/chat/completions', MIB, 'X-API-Key: accomplice'));
    expect(statusesOf(await repeat(5, () => chat('honest', 100_000)))).toEqual([200]);
  });
});

describe('half-sent logins', () => {
  test('of one address leave other people their login, and take nothing from requests or administration', async () => {
    await repeat(140, () => hold('/v1/auth/login', 65_530, 'X-Forwarded-For: 203.0.113.9'));
    expect((await login('198.51.100.7')).status).toBe(401);
    expect(statusesOf(await repeat(5, () => chat('honest', 300_000)))).toEqual([200]);
  });

  test('of many addresses do neither', async () => {
    await repeat(300, (i) => hold('/v1/auth/login', 65_530, `X-Forwarded-For: 2001:db8:${i}::1`));
    expect((await login('198.51.100.8')).status).toBe(401);
    expect(statusesOf(await repeat(5, () => chat('honest', 300_000)))).toEqual([200]);
    const body = '{"owner":"somebody"}';
    const made = await sendRaw(gateway.url, head('/admin/generate_key', 20, `X-Master-Key: ${MASTER_KEY}`) + body);
    expect(made.status).toBe(201);
  });
});
