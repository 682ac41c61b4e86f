import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeGateways } from '../support/start-gateway.ts';

const upstream = createServer((req, res) => {
  req.resume().on('end', () => res.end('served'));
});
let address = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
afterAll(() => void upstream.close());

const messages = [{ role: 'user', content: 'Hello!' }];

/** A consumer of the file whose key is its id. */
const consumer = (id: string, fields: string, keyFields = 'rate_limit: 1000'): string =>
  `  - { id: ${id}, ${fields}, keys: [{ hash: "sha256:${hash('sha256', id)}", ${keyFields} }] }`;

const config = (): string => `
settings: { listen: { host: 127.0.0.1, port: 0 }, shutdown: { grace: 0s, drain: 200ms, flush: 1s } }
tiers:
  free: { rate_limit: { limits: [{ limit: 3, window: 1h, algorithm: token_bucket }] } }
  pro: { rate_limit: { limits: [{ limit: 100, window: 1h, algorithm: token_bucket }] } }
consumers:
${consumer('reader', 'tier: pro, permissions: ["embed:read"]')}
${consumer('writer', 'tier: free, permissions: ["embed:*"]')}
${consumer('plain', 'enabled: true')}
${consumer('bound', 'enabled: true', 'models: [text-1], routes: [embed, wide], scopes: ["embed:*"]')}
${consumer('away', 'enabled: true', 'addresses: [10.0.0.0/8]')}
services:
  open: { url: "${address}" }
  wide: { kind: llm, url: "${address}" }
  embed: { kind: embeddings, url: "${address}", authorize: { permissions: [embed:write], models: ["text-*"] } }
`;

describe('rights over a whole gateway', () => {
  const start = makeGateways();
  const begin = async () => {
    const { url } = await start(config());
    return (path: string, key: string, body?: unknown) =>
      fetch(url + path, {
        headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
  };

  test('a permission opens the route that needs it, and its lack is told by name', async () => {
    const ask = await begin();
    const body = { model: 'text-embedding-3', input: 'x' };
    expect(await (await ask('/v1/embeddings', 'writer', body)).text()).toBe('served');
    const refused = await ask('/v1/embeddings', 'reader', body);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ error: { message: 'Missing permission: embed:write.' } });
    expect((await ask('/open/x', 'reader')).status).toBe(200);
  });

  test('a model that the route does not offer is refused before the upstream is called, and costs one request', async () => {
    const ask = await begin();
    for (const body of [
      { model: 'gpt-5', input: 'x' },
      { model: 'text-*', input: 'x' },
    ]) {
      const refused = await ask('/v1/embeddings', 'writer', body);
      expect([refused.status, (await refused.json()) as object]).toEqual([
        403,
        expect.objectContaining({ error: expect.objectContaining({ code: 'MODEL_NOT_ALLOWED', param: 'model' }) }),
      ]);
    }
    const served = await ask('/v1/embeddings', 'writer', { model: 'text-1', input: 'x' });
    expect([served.status, served.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '0']);
  });

  test('a key is good for the models, routes and addresses it names', async () => {
    const ask = await begin();
    expect((await ask('/wide/chat/completions', 'bound', { model: 'text-1', messages })).status).toBe(200);
    const other = await ask('/wide/chat/completions', 'bound', { model: 'text-2', messages });
    expect([other.status, await other.text()]).toEqual([
      403,
      expect.stringContaining("Model 'text-2' not available for your credential"),
    ]);
    expect((await ask('/wide/models', 'bound')).status).toBe(200);
    expect((await ask('/open/x', 'bound')).status).toBe(403);
    const away = await ask('/open/x', 'away');
    expect([away.status, (await away.json()) as object]).toEqual([
      403,
      expect.objectContaining({ code: 'IP_NOT_ALLOWED' }),
    ]);
  });

  test('a body of unknown length is held to the same models', async () => {
    const { url } = await start(config());
    const send = (model: string) =>
      fetch(`${url}/wide/chat/completions`, {
        method: 'POST',
        headers: { 'X-API-Key': 'bound', 'Content-Type': 'application/json' },
        body: new Blob([JSON.stringify({ model, messages })]).stream(),
        duplex: 'half',
      } as RequestInit);
    expect((await Promise.all(['text-1', 'text-2'].map(send))).map(({ status }) => status)).toEqual([200, 403]);
  });

  test('each tier has its own limit, and who is on none has none', async () => {
    const ask = await begin();
    const statuses = await Promise.all(
      ['writer', 'writer', 'writer', 'writer', 'reader', 'plain'].map(async (key) => {
        const answer = await ask('/open/x', key);
        return `${key} ${answer.status} ${answer.headers.get('x-ratelimit-limit')}`;
      }),
    );
    expect(statuses.sort()).toEqual([
      'plain 200 1000',
      'reader 200 100',
      'writer 200 3',
      'writer 200 3',
      'writer 200 3',
      'writer 429 3',
    ]);
  });
});
