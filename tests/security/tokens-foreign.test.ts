// Tokens of another issuer: what its keys, its claims and its absence can and cannot do.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KeyLookup } from '../../src/identity/known-key.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import {
  base64url,
  claims,
  forge,
  type KeyServer,
  makeSigner,
  SECRET,
  type Signer,
  seconds,
  startKeyServer,
} from '../support/token-forge.ts';

const ISSUER = 'https://idp.example/';
const CLIENT = '192.0.2.1';

const config = (one: KeyServer, other: KeyServer) => `
settings:
  ${QUICK_SHUTDOWN}
  failed_auth: { limit: 1000000 }
tiers:
  free: { rate_limit: 5 }
  pro: { rate_limit: 5000 }
auth:
  jwt:
    own: { secret: "\${SECRET_KEY}" }
    issuers:
      - alias: corp
        issuer: ${ISSUER}
        audience: [gateway, gateway-test]
        jwks_url: ${one.url}
        claims: { tier: plan, permissions: scope, models: models, rate_limit: quota }
        default_tier: free
        at_most: { tiers: [free], permissions: ["chat:*"], models: ["gpt-4*"] }
      - { alias: shop, issuer: https://shop.example, audience: gateway, jwks_url: ${other.url} }
routes:
  - { name: guarded, match: { path: /guarded }, auth: { modes: [api_key, jwt] }, respond: { body: inside } }
`;

let corp: KeyServer;
let shop: KeyServer;
let gateway: TestGateway;
let signer: Signer;
let shopSigner: Signer;
let shortSigner: Signer;
beforeAll(async () => {
  [corp, shop] = await Promise.all([startKeyServer(), startKeyServer()]);
  [signer, shopSigner] = [makeSigner('k1'), makeSigner('k1')];
  shortSigner = makeSigner('short', 1024);
  corp.publish(signer, shortSigner);
  shop.publish(shopSigner);
  gateway = await startTestGateway(config(corp, shop), { env: { SECRET_KEY: SECRET } });
});
afterAll(() => Promise.all([gateway.close(), corp.close(), shop.close()]));

const said = (changes = {}) => claims({ iss: ISSUER, aud: 'gateway', ...changes });
const find = (token: string): Promise<KeyLookup> => Promise.resolve(gateway.deps.tokens.directory.find(token, CLIENT));

async function principalOf(token: string) {
  const found = await find(token);
  if (found.kind !== 'found') throw new Error(JSON.stringify(found));
  return found.principal;
}

async function present(token: string) {
  const res = await fetch(`${gateway.url}/guarded`, { headers: { Authorization: `Bearer ${token}` } });
  const { code = 'ok', detail = '' } = res.status === 200 ? {} : ((await res.json()) as Record<string, string>);
  return { status: res.status, code, detail };
}

describe('A token of another issuer', () => {
  test('is accepted, and its caller is named after the issuer', async () => {
    const token = signer.sign(said());
    expect(await present(token)).toMatchObject({ status: 200 });
    expect((await principalOf(token)).consumer).toEqual({ id: 'corp:alice', name: 'corp:alice', tier: 'free' });
  });

  test('whose sub is the id or name of one of our consumers does not become that consumer', async () => {
    const admin = { method: 'POST', headers: { 'X-Master-Key': MASTER_KEY, 'Content-Type': 'application/json' } };
    const body = JSON.stringify({ name: 'root', permissions: ['*'] });
    const { id } = (await (await fetch(`${gateway.url}/admin/consumers`, { ...admin, body })).json()) as { id: string };
    for (const sub of [id, 'root']) {
      const { consumer, permissions } = await principalOf(signer.sign(said({ sub, scope: '*' })));
      expect(consumer.id).toBe(`corp:${sub}`);
      expect(permissions).toEqual(['chat:*']);
    }
  });

  test('gains no more than the configuration grants, whatever its claims say', async () => {
    const wide = { plan: 'pro', scope: '*', models: ['*'], tier: 'pro', permissions: ['*'], lob: 'all' };
    const greedy = await principalOf(signer.sign(said(wide)));
    expect(greedy).toMatchObject({ permissions: ['chat:*'], models: ['gpt-4*'], lob: undefined });
    expect(greedy.consumer.tier).toBe('free');
    const modest = await principalOf(signer.sign(said({ scope: 'chat:read admin:write', models: ['gpt-4o', 'o9'] })));
    expect(modest).toMatchObject({ permissions: ['chat:read'], models: ['gpt-4o'] });
    const unmapped = await principalOf(signer.sign(said({ rate_limit: 1e9, quota: 7 })));
    expect(unmapped.claims).toEqual({ rate_limit: 7 });
  });

  test.each<[string, () => string]>([
    ['another audience', () => signer.sign(said({ aud: 'billing' }))],
    ['no audience', () => signer.sign(said({ aud: undefined }))],
    ['no issuer', () => signer.sign(said({ iss: undefined }))],
    ['an issuer with a slash less', () => signer.sign(said({ iss: ISSUER.slice(0, -1) }))],
    ['the key of another issuer with the same kid', () => shopSigner.sign(said())],
    ['the name of another issuer', () => signer.sign(said({ iss: 'https://shop.example' }))],
    ['our own name', () => signer.sign(said({ iss: 'turnpike', aud: 'turnpike' }))],
    ['our own secret', () => forge(said())],
    ['the public key as an HMAC secret', () => forge(said(), { kid: 'k1' }, pem())],
    ['the public key as an HMAC secret, called RS256', () => forge(said(), { kid: 'k1', alg: 'RS256' }, pem())],
    ['a published key of 1,024 bits', () => shortSigner.sign(said())],
    ['an algorithm that is not listed', () => signer.sign(said(), { alg: 'PS256' })],
    [
      'no algorithm',
      () => `${base64url(JSON.stringify({ alg: 'none', kid: 'k1' }))}.${base64url(JSON.stringify(said()))}.AA`,
    ],
    ['no sub', () => signer.sign(said({ sub: undefined }))],
    ['no exp', () => signer.sign(said({ exp: undefined }))],
    ['nbf in the future', () => signer.sign(said({ nbf: seconds(3600) }))],
    ['a scope that cannot be read', () => signer.sign(said({ scope: { '*': 1 } }))],
    ['the type of an identity token', () => signer.sign(said({ token_use: 'id' }))],
  ])('is refused with 401: %s', async (_name, make) => {
    expect(await present(make())).toMatchObject({ status: 401, code: 'INVALID_CREDENTIAL' });
  });

  test.each<[string, string, () => string]>([
    ['audience', 'another audience', () => signer.sign(said({ aud: 'billing' }))],
    ['issuer', 'an issuer nobody configured', () => signer.sign(said({ iss: 'https://nobody.example' }))],
    ['key', 'a kid that is not published', () => makeSigner('k7').sign(said())],
    ['signature', 'another key under a published kid', () => makeSigner('k1').sign(said())],
    ['time', 'a date to come', () => signer.sign(said({ nbf: seconds(3600) }))],
    ['claim', 'a scope that cannot be read', () => signer.sign(said({ scope: 5 }))],
    ['type', 'an identity token', () => signer.sign(said({ token_use: 'id' }))],
  ])('is refused for its %s, in the log and in a hint to the caller: %s', async (reason, _name, make) => {
    const { detail } = await present(make());
    expect(gateway.logged.at(-1)?.['error_reason']).toBe(reason);
    expect(detail).toMatch(/^The token is not valid: /);
  });

  test('that has expired says so', async () => {
    const expired = signer.sign(said({ exp: seconds(-1) }));
    expect(await present(expired)).toEqual({ status: 401, code: 'EXPIRED_CREDENTIAL', detail: 'Token has expired' });
  });

  test('cannot be made with our secret: nobody but the issuer speaks for its callers', async () => {
    expect(await present(forge(claims({ sub: 'corp:alice' })))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
    const res = await fetch(`${gateway.url}/auth/token`, {
      method: 'POST',
      headers: { 'X-Master-Key': MASTER_KEY, 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'corp:alice' }),
    });
    expect(res.status).toBe(400);
  });

  test('names no address that would be asked: the keys are read from the configured one only', async () => {
    const before = shop.requests.length;
    for (const header of [{ jku: shop.url }, { x5u: shop.url }, { jwk: shopSigner.jwk, kid: 'k9' }, { kid: shop.url }])
      expect(await present(shopSigner.sign(said(), header))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
    expect(shop.requests.length).toBe(before);
  });

  test('with 10,000 different kids costs the issuer no further request within 30 s', async () => {
    const before = corp.requests.length;
    expect(before).toBeLessThanOrEqual(1);
    const body = base64url(JSON.stringify(said()));
    for (let i = 0; i < 10_000; i += 200) {
      const batch = Array.from({ length: 200 }, (_, j) =>
        base64url(JSON.stringify({ alg: 'RS256', kid: `r${i + j}` })),
      );
      const answers = await Promise.all(
        batch.map((head) => find(`${head}.${body}.${base64url(Buffer.alloc(256, 1))}`)),
      );
      expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['refused']));
    }
    expect(corp.requests.length).toBe(before);
    expect(await present(signer.sign(said({ sub: 'bystander' })))).toMatchObject({ status: 200 });
  });
});

const pem = () => signer.publicKey.export({ type: 'spki', format: 'pem' }) as string;
