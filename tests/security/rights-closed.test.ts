// What nobody has granted is not there: through the whole gateway, with the honest caller beside each attempt.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import request, { type Response } from 'supertest';
import { asAdmin } from '../support/api-client.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import { claims, forge, type KeyServer, makeSigner, SECRET, startKeyServer } from '../support/token-forge.ts';

const PASSWORD = 'password-of-the-tests';
const signer = makeSigner('k1');
let keys: KeyServer;
let gateway: TestGateway;

const issuer = (alias: string, rest: string) =>
  `{ alias: ${alias}, issuer: https://${alias}.example, audience: gw, jwks_url: "${keys.url}", ${rest} }`;
const config = () => `
settings:
  ${QUICK_SHUTDOWN}
  failed_auth: { limit: 1000000 }
  accounts: { signup: open, default_models: ["gpt-*"], default_budget: { tokens: 5, every: day } }
auth:
  jwt:
    own: { secret: "\${SECRET_KEY}" }
    issuers:
      - ${issuer('strict', 'claims: { permissions: scope, models: models }')}
      - ${issuer('lenient', 'claims: { permissions: scope, models: models, missing: allow }')}
      - ${issuer('bounded', 'claims: { permissions: scope, missing: allow }, at_most: { permissions: ["chat:*"] }')}
      - ${issuer('unmapped', 'at_most: { permissions: ["admin:*"] }')}
consumers:
  - { id: filed, permissions: ["admin:do"] }
routes:
  - { name: guarded, match: { path: /guarded }, auth: {}, authorize: { permissions: ["admin:do"] }, respond: { body: in } }
`;

beforeAll(async () => {
  keys = await startKeyServer();
  keys.publish(signer);
  gateway = await startTestGateway(config(), { env: { SECRET_KEY: SECRET, MASTER_KEY } });
});
afterAll(() => Promise.all([gateway.close(), keys.close()]));

const ask = (token: string, path: string, method: 'get' | 'post' | 'delete' = 'get', body?: object) => {
  const asked = request(gateway.url)[method](path).set('Authorization', `Bearer ${token}`);
  return body ? asked.send(body) : asked;
};
const admin = (...args: Parameters<ReturnType<typeof asAdmin>>) => asAdmin(gateway.url)(...args);
const rightsOf = async (token: string) => {
  const { status, body } = await ask(token, '/v1/auth/me');
  return { status, permissions: body.permissions as unknown, models: body.models as unknown };
};
const guarded = async (token: string) => (await ask(token, '/guarded')).status;
const knex = () => gateway.deps.database.knex;

async function signUp(email: string): Promise<{ readonly id: string; readonly token: string }> {
  const credentials = { email, password: PASSWORD };
  const made = await request(gateway.url).post('/v1/auth/signup').send(credentials);
  expect(made.status).toBe(201);
  const login = await request(gateway.url).post('/v1/auth/login').send(credentials);
  return { id: made.body.id, token: login.body.access_token };
}

describe('A token of another issuer', () => {
  const sign = (alias: string, said: object) =>
    signer.sign(claims({ iss: `https://${alias}.example`, aud: 'gw', ...said }));

  test.each<[string, string, object, readonly unknown[], number]>([
    ['lacks both claims', 'strict', {}, [[], []], 403],
    ['has empty text', 'strict', { scope: '', models: '' }, [[], []], 403],
    ['has empty lists', 'strict', { scope: [], models: [] }, [[], []], 403],
    ['lists something else', 'strict', { scope: 'chat:read', models: ['m'] }, [['chat:read'], ['m']], 403],
    ['lists what is asked', 'strict', { scope: ['admin:do'] }, [['admin:do'], []], 200],
    ['lacks both where that is allowed', 'lenient', {}, [['*'], undefined], 200],
    ['is empty where missing is allowed', 'lenient', { scope: '' }, [[], undefined], 403],
    ['lacks the claim within a bound', 'bounded', {}, [['chat:*'], undefined], 403],
    ['comes from where no claim is mapped', 'unmapped', { scope: '*' }, [['admin:*'], undefined], 200],
  ])('that %s has what the configuration says', async (_name, alias, said, [permissions, models], status) => {
    const token = sign(alias, said);
    expect(await rightsOf(token)).toEqual({ status: 200, permissions, models });
    expect(await guarded(token)).toBe(status);
  });

  test.each([[null], [5], [true], [{ '*': 1 }], [['admin:do', 7]], ['admin:do\n*']])(
    'with the claim %j is not accepted at all',
    async (scope) => {
      for (const alias of ['strict', 'lenient']) expect(await guarded(sign(alias, { scope }))).toBe(401);
    },
  );
});

describe('A token of our own secret', () => {
  const ours = { iss: 'turnpike', aud: 'turnpike' };

  test('that names no gateway has exactly what it lists, and never everything', async () => {
    expect(await rightsOf(forge(claims()))).toEqual({ status: 200, permissions: [], models: [] });
    const listed = { permissions: ['*', 'admin:do'], models: ['*', 'gpt-4'] };
    const rights = { status: 200, permissions: ['admin:do'], models: ['gpt-4'] };
    for (const half of [{}, { iss: 'turnpike' }, { aud: 'turnpike' }])
      expect(await rightsOf(forge(claims({ ...listed, ...half })))).toEqual(rights);
    expect(await rightsOf(forge(claims({ ...listed, sub: 'filed' })))).toEqual(rights);
    expect((await rightsOf(forge(claims({ sub: 'filed' })))).permissions).toEqual([]);
    expect((await rightsOf(forge(claims({ sub: 'filed', ...ours })))).permissions).toEqual(['admin:do']);
  });

  test('of a login, or with the id of a stored caller, needs its row', async () => {
    for (const said of [{ sid: 'f1' }, { sub: `usr_${'a'.repeat(32)}` }, { sub: 'con_1', permissions: ['admin:do'] }]) {
      expect(await guarded(forge(claims({ ...ours, ...said })))).toBe(401);
      expect(await guarded(forge(claims(said)))).toBe(401);
    }
    expect((await admin('post', '/auth/token', { username: 'usr_gone' })).status).toBe(404);
    expect((await admin('post', '/admin/generate_key', { owner: 'con_gone' })).status).toBe(404);
    expect((await admin('post', '/admin/consumers', { name: 'usr_mine' })).status).toBe(400);
  });

  test('ends with its user: no rights, no key, and no stranger in its place', async () => {
    const { id, token } = await signUp('gone@example.com');
    expect((await rightsOf(token)).status).toBe(200);
    await deleteUser(id);
    gateway.deps.identity.tokens.directory.forget('everything');
    expect((await rightsOf(token)).status).toBe(401);
    expect(await guarded(token)).toBe(401);
    expect((await ask(token, '/v1/auth/api-keys', 'post', {})).status).toBe(401);
  });
});

describe('An account that registered itself', () => {
  test('has no permission, the models and the budget of the configuration, and hands on no more to its keys', async () => {
    const { id, token } = await signUp('stranger@example.com');
    expect(await rightsOf(token)).toEqual({ status: 200, permissions: [], models: ['gpt-*'] });
    const { body } = await ask(token, '/v1/auth/api-keys', 'post', {});
    expect(await rightsOf(body.api_key)).toEqual({ status: 200, permissions: [], models: ['gpt-*'] });
    expect([await guarded(token), await guarded(body.api_key)]).toEqual([403, 403]);
    expect((await admin('get', `/admin/consumers/${id}`)).body.budget).toMatchObject([{ tokens: 5 }]);
    await admin('patch', `/admin/consumers/${id}`, { permissions: ['admin:do'], models: null });
    expect([await guarded(token), await guarded(body.api_key)]).toEqual([200, 200]);
    expect((await rightsOf(token)).models).toBeUndefined();
  });

  test('does not get the keys or the tokens that are meant for its address', async () => {
    const thief = await signUp('Victim@corp.example');
    const refusals: Response[] = [
      await admin('post', '/admin/generate_key', { owner: 'victim@corp.example' }),
      await admin('post', '/admin/generate_key', { owner: 'victim@corp.example', tier: 'gold' }),
      await admin('post', '/auth/token', { username: 'victim@corp.example' }),
    ];
    for (const { status, body } of refusals) {
      expect(status).toBe(409);
      expect(body.detail).toContain(thief.id);
    }
    // A program that shares the secret knows nobody's id: its token stands for a stranger of that name.
    const shared = forge(claims({ sub: 'victim@corp.example', permissions: ['admin:do'] }));
    expect((await ask(shared, '/v1/auth/me')).body).toMatchObject({ id: 'victim@corp.example' });
    expect((await ask(thief.token, '/v1/auth/api-keys')).body.items).toEqual([]);
  });

  test('is given keys by its id, and leaves them to the administrator unless they are for self-service', async () => {
    const { id, token } = await signUp('known@example.com');
    const issue = async (fields: object) => (await admin('post', '/admin/generate_key', { owner: id, ...fields })).body;
    const [managed, shared] = [await issue({}), await issue({ self_service: true })];
    const { items } = (await ask(token, '/v1/auth/api-keys')).body;
    expect(items).toMatchObject([
      { id: shared.id, managed: true, self_service: true },
      { id: managed.id, managed: true, owner: { id } },
    ]);
    for (const [path, method] of [
      [`/v1/auth/api-keys/${managed.id}/rotate`, 'post'],
      [`/v1/auth/api-keys/${managed.id}`, 'delete'],
    ] as const)
      expect((await ask(token, path, method)).status).toBe(403);
    const next = await ask(token, `/v1/auth/api-keys/${shared.id}/rotate`, 'post', { grace: '0s' });
    expect(next.status).toBe(201);
    expect((await ask(token, `/v1/auth/api-keys/${next.body.id}`, 'delete')).status).toBe(200);
    const own = (await ask(token, '/v1/auth/api-keys', 'post', {})).body;
    expect((await admin('get', `/admin/keys/${own.id}`)).body.managed).toBe(false);
  });

  test('keeps within a hundred working keys by rotation too', async () => {
    const { id, token } = await signUp('many@example.com');
    const own = (await ask(token, '/v1/auth/api-keys', 'post', {})).body;
    for (let i = 0; i < 99; i++) await gateway.deps.identity.keys.issue({ owner: id }, BY_ADMIN);
    const rotate = (grace: string) => ask(token, `/v1/auth/api-keys/${own.id}/rotate`, 'post', { grace });
    expect((await rotate('30d')).status).toBe(409);
    expect((await rotate('0s')).status).toBe(201);
  });
});

const BY_ADMIN = { actor: 'master_key', address: undefined, requestId: undefined };

/** As a restored backup or another database would have it: nobody has told the gateway. */
async function deleteUser(id: string): Promise<void> {
  const database = knex();
  for (const table of ['refresh_families', 'api_keys']) await database(table).where({ consumer_id: id }).del();
  await database('users').where({ id }).del();
  await database('consumers').where({ id }).del();
}

test('a key is never born dead, not even at the beginning of time', async () => {
  for (const expires_at of ['1970-01-01', '1970-01-01T00:00:00Z', '1969-12-31', '2020-01-01'])
    expect((await admin('post', '/admin/generate_key', { owner: 'late', expires_at })).status).toBe(400);
  expect((await admin('post', '/admin/generate_key', { owner: 'late', expires_at: '2099-01-01' })).status).toBe(201);
});
