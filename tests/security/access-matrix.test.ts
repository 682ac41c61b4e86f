// Who may do what: every endpoint there is, asked by everybody there is. A new endpoint is in it by existing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import request from 'supertest';
import { ENDPOINTS } from '../../src/api/endpoints.ts';
import { asAdmin } from '../support/api-client.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import { SECRET } from '../support/token-forge.ts';

const CONFIG = `
settings: { ${QUICK_SHUTDOWN}, failed_auth: { limit: 1000000 }, docs: off, accounts: { signup: master_key }, admin: { metrics_access: master_key } }
`;

const PASSWORD = 'password-of-the-tests';
let gateway: TestGateway;
let userId: string;
/** Headers of each principal. */
const principals = new Map<string, Record<string, string>>();
/** Ids that a path may name: the caller's own, somebody else's, nobody's. */
let objects: readonly { readonly whose: 'victim' | 'nobody'; readonly id: string }[];

beforeAll(async () => {
  gateway = await startTestGateway(CONFIG, { env: { SECRET_KEY: SECRET, MASTER_KEY } });
  const admin = asAdmin(gateway.url);
  const account = async (email: string) => {
    await gateway.deps.identity.users.create(
      { email, password: PASSWORD },
      { actor: 'anybody', address: '', requestId: '' },
    );
    const { body } = await request(gateway.url).post('/v1/auth/login').send({ email, password: PASSWORD });
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    const { id } = (await request(gateway.url).get('/v1/auth/me').set(bearer)).body;
    return { id, key: (await request(gateway.url).post('/v1/auth/api-keys').set(bearer).send({})).body };
  };
  const [eve, victim] = [await account('eve@example.com'), await account('victim@example.com')];
  const machine = (await admin('post', '/admin/generate_key', { owner: 'machine' })).body;
  principals.set('nobody', {});
  principals.set('a guesser of master keys', { 'X-Master-Key': 'mk_master_key_of_the_testt' });
  userId = eve.id;
  principals.set('a user with a key', { 'X-API-Key': eve.key.api_key });
  principals.set('a machine with every permission', { 'X-API-Key': machine.api_key });
  principals.set('whoever sends a key as master key', { 'X-Master-Key': machine.api_key });
  objects = [
    { whose: 'victim', id: victim.key.id },
    { whose: 'nobody', id: 'nope' },
  ];
});
afterAll(() => gateway.close());

/** One of the endpoints ends the login of whoever calls it. */
beforeEach(async () => {
  const { issuer } = gateway.deps.identity.tokens;
  for (const [who, id] of [
    ['a user with a token', userId],
    ['a stranger with a token', 'stranger'],
  ] as const)
    principals.set(who, { Authorization: `Bearer ${(await issuer.issueAccess({ consumer: { id } })).token}` });
});

/** What somebody else has must read and be the same after everything that was tried. */
async function stateOfOthers(): Promise<unknown> {
  const admin = asAdmin(gateway.url);
  const key = (await admin('get', `/admin/keys/${objects[0]?.id}`)).body;
  const { items } = (await admin('get', '/admin/consumers')).body;
  return {
    key: { ...key, last_used_at: undefined },
    consumers: items.length,
    config: (await admin('get', '/admin/config')).body.hash,
  };
}

const isOpenDoor = (path: string) => ['/v1/auth/login', '/v1/auth/refresh'].includes(path);
const TOKEN_ONLY = 'token';

describe('The whole admin and account API', () => {
  test.each(ENDPOINTS.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
    '%s lets in only those it is for',
    async (_name, endpoint) => {
      const { settings } = gateway.gateway.config;
      const access = endpoint.access(settings, { ...CONTEXT, opensTokenEndpoint: false } as never);
      const before = await stateOfOthers();
      const verb = endpoint.method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete';
      for (const [who, headers] of principals) {
        for (const { whose, id } of objects) {
          const path = endpoint.path.replace(/:\w+/g, id);
          const asked = request(gateway.url)[verb](path).set(headers);
          const { status } = await (endpoint.body ? asked.send({}) : asked);
          expect({ who, whose, path, status }).toEqual({ who, whose, path, status: expect.any(Number) });
          if (access === 'master_key') expect([who, status]).toEqual([who, 401]);
          else if (access === TOKEN_ONLY) expectForTokens(who, path, status);
          else if (access === 'token_or_key' && !who.includes('with')) expect([who, status]).toEqual([who, 401]);
          else if (typeof access === 'object' || isOpenDoor(path)) expect(status).toBeGreaterThanOrEqual(400);
          expect(status).toBeLessThan(500);
        }
      }
      expect(await stateOfOthers()).toEqual(before);
    },
    60_000,
  );
});

/** A user reaches their own; what is somebody else's is like what does not exist; whoever has no token is nobody. */
function expectForTokens(who: string, path: string, status: number): void {
  const isUser = who === 'a user with a token';
  if (!isUser && who !== 'a stranger with a token') expect([who, path, status]).toEqual([who, path, 401]);
  else if (!isUser && path.includes('api-keys')) expect([who, path, status]).toEqual([who, path, 403]);
  else if (path.includes('api-keys/')) expect([who, path, status]).toEqual([who, path, 404]);
}

const CONTEXT = { isDevelopment: false };
