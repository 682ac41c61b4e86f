// Tokens signed with the gateway's own secret, or said to be: what RFC 8725 and the published attacks on JWT libraries
// warn of, each through the whole gateway.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { importOwnKey } from '../../src/identity/tokens/own-key.ts';
import { MASTER_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';
import {
  base64url,
  claims,
  forge,
  type KeyServer,
  makeSigner,
  SECRET,
  seconds,
  startKeyServer,
} from '../support/token-forge.ts';

const CONFIG = `
settings:
  ${QUICK_SHUTDOWN}
  failed_auth: { limit: 1000000 }
auth: { jwt: { own: { secret: "\${SECRET_KEY}" } } }
routes:
  - name: guarded
    match: { path: /guarded }
    auth: { modes: [api_key, jwt] }
    respond: { status: 200, body: inside }
  - name: tokens-only
    match: { path: /tokens-only }
    auth: { modes: [jwt] }
    respond: { status: 200, body: inside }
`;

let gateway: TestGateway;
let elsewhere: KeyServer;
beforeAll(async () => {
  [gateway, elsewhere] = await Promise.all([
    startTestGateway(CONFIG, { env: { SECRET_KEY: SECRET } }),
    startKeyServer(),
  ]);
});
afterAll(() => Promise.all([gateway.close(), elsewhere.close()]));

async function present(token: string, path = '/guarded') {
  const res = await fetch(gateway.url + path, { headers: { Authorization: `Bearer ${token}` } });
  const text = await res.text();
  const { code, detail } = res.status === 200 ? { code: 'ok', detail: '' } : JSON.parse(text);
  return { status: res.status, code, detail, challenge: res.headers.get('WWW-Authenticate') };
}

const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(claims()).filter(([n]) => !names.includes(n)));
const [header = '', payload = '', signature = ''] = forge(claims()).split('.');
const unsigned = (alg: unknown) =>
  `${base64url(JSON.stringify({ alg, typ: 'JWT' }))}.${base64url(JSON.stringify(claims()))}`;
const rsa = makeSigner('k1');
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const der = rsa.publicKey.export({ type: 'spki', format: 'der' });
const spin = (text: string) => (text.at(-1) === 'A' ? 'B' : 'A');

const FORGERIES: [string, () => string][] = [
  ...['none', 'None', 'NONE', 'nOnE', '', null, undefined, 0, ['HS256'], { alg: 'HS256' }, 'HS256 ', 'hs256'].flatMap(
    (alg): [string, () => string][] => [
      [`alg ${JSON.stringify(alg)} without signature`, () => `${unsigned(alg)}.`],
      [`alg ${JSON.stringify(alg)} with an HS256 signature`, () => forge(claims(), { alg })],
    ],
  ),
  ['another HMAC than the configured one', () => forge(claims(), { alg: 'HS512' })],
  ['an RS256 token under a key of its own', () => rsa.sign(claims(), { jwk: rsa.jwk })],
  ['an HMAC keyed with a public key in PEM', () => forge(claims(), {}, pem)],
  ['an HMAC keyed with a public key in DER', () => forge(claims(), {}, der)],
  ['an HMAC keyed with a public key as JWK', () => forge(claims(), {}, JSON.stringify(rsa.jwk))],
  ['an HMAC keyed with nothing', () => forge(claims(), {}, '')],
  ['an HMAC keyed with a byte order mark before the secret', () => forge(claims(), {}, `\uFEFF${SECRET}`)],
  ['an unknown critical header', () => forge(claims(), { crit: ['urn:x'], 'urn:x': 1 })],
  ['an empty list of critical headers', () => forge(claims(), { crit: [] })],
  ['an unencoded payload', () => forge(claims(), { b64: false, crit: ['b64'] })],
  ['an unencoded payload that is not called critical', () => forge(claims(), { b64: false })],
  ['a compressed payload', () => forge(claims(), { zip: 'DEF', crit: ['zip'] })],
  ['nbf in the future', () => forge(claims({ nbf: seconds(3600) }))],
  ['nbf that is text', () => forge(claims({ nbf: '1' }))],
  ['iat in the future', () => forge(claims({ iat: seconds(3600) }))],
  ['no sub', () => forge(without('sub'))],
  ['an empty sub', () => forge(claims({ sub: '' }))],
  ['a sub that is a number', () => forge(claims({ sub: 1 }))],
  ['a sub that is a list', () => forge(claims({ sub: ['alice'] }))],
  ['a sub with a line end', () => forge(claims({ sub: 'alice\r\nX-Admin: 1' }))],
  ['a sub of 1,000 characters', () => forge(claims({ sub: 'a'.repeat(1000) }))],
  ['no exp', () => forge(without('exp'))],
  ['exp null', () => forge(claims({ exp: null }))],
  ['exp NaN, which is not JSON', () => forge(`{"sub":"alice","exp":NaN}`)],
  ['exp Infinity by way of 1e999', () => forge(`{"sub":"alice","exp":1e999}`)],
  ['exp 1e308', () => forge(claims({ exp: 1e308 }))],
  ['exp 2^53', () => forge(claims({ exp: 2 ** 53 }))],
  ['exp in the year 9999', () => forge(claims({ exp: 253402300799 }))],
  ['exp in milliseconds', () => forge(claims({ exp: Date.now() }))],
  ['exp that is text', () => forge(claims({ exp: String(seconds(600)) }))],
  ['another issuer', () => forge(claims({ iss: 'https://idp.example' }))],
  ['an issuer with a slash more', () => forge(claims({ iss: 'turnpike/' }))],
  ['an issuer that is a list', () => forge(claims({ iss: ['turnpike'] }))],
  ['another audience', () => forge(claims({ aud: 'billing' }))],
  ['a list of other audiences', () => forge(claims({ aud: ['billing', 'Turnpike'] }))],
  ['a refresh token', () => forge(claims({ typ: 'refresh' }))],
  ['a refresh token as Flask writes it', () => forge(claims({ type: 'refresh' }))],
  ['an identity token as Cognito writes it', () => forge(claims({ token_use: 'id' }))],
  ['a password reset by its header', () => forge(claims(), { typ: 'reset+jwt' })],
  ['a logout token by its header', () => forge(claims(), { typ: 'logout+jwt' })],
  ['permissions that cannot be read', () => forge(claims({ permissions: { '*': true } }))],
  ['permissions null', () => forge(claims({ permissions: null }))],
  ['models that are a number', () => forge(claims({ models: 5 }))],
  ['a rate limit that is negative', () => forge(claims({ rate_limit: -1 }))],
  ['a rate limit that is text', () => forge(claims({ rate_limit: '1000000' }))],
  ['a payload that is a list', () => forge('["sub","exp"]')],
  ['a payload that is no JSON', () => forge('sub=alice')],
  ['a payload that is not UTF-8', () => forge(Buffer.from(`{"sub":"ali\xff","exp":${seconds(60)}}`, 'latin1'))],
  ['a stripped signature', () => `${header}.${payload}.`],
  ['a missing signature', () => `${header}.${payload}`],
  ['half a signature', () => `${header}.${payload}.${signature.slice(0, 20)}`],
  ['a signature of zeros', () => `${header}.${payload}.${base64url(Buffer.alloc(32))}`],
  [
    'a signature with one bit changed',
    () => `${header}.${payload}.${spin(signature.slice(0, 1))}${signature.slice(1)}`,
  ],
  ['a signature spelled another way', () => `${header}.${payload}.${respell(signature)}`],
  ['a padded signature', () => `${header}.${payload}.${signature}=`],
  ['a payload exchanged', () => `${header}.${base64url(JSON.stringify(claims({ sub: 'root' })))}.${signature}`],
  ['a token of 8 KiB', () => forge(claims({ pad: 'x'.repeat(8 * 1024) }))],
  ['an encrypted token', () => `${base64url('{"alg":"dir","enc":"A256GCM"}')}.a.b.c.d`],
  [
    'an encrypted token that asks for ten million rounds',
    () => `${base64url('{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":10000000,"p2s":"AAAA"}')}.a.b.c.d`,
  ],
  ['a key-wrapping algorithm on three parts', () => forge(claims(), { alg: 'PBES2-HS256+A128KW', p2c: 10_000_000 })],
];

/** The same 32 bytes: base64url of 32 bytes leaves two bits idle at its end. */
function respell(text: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + digits[digits.indexOf(text.at(-1) as string) | 1];
}

describe('A token of our own', () => {
  test.each(['/guarded', '/tokens-only'])('is accepted on %s, with nothing but sub and exp', async (path) => {
    expect(await present(forge({ sub: 'alice', exp: seconds(60) }), path)).toMatchObject({ status: 200 });
  });

  test('is accepted with our names as issuer and audience, and with the kinds others write for access', async () => {
    const iss = { iss: 'turnpike', aud: ['other', 'turnpike'] };
    for (const said of [iss, { typ: 'Bearer' }, { type: 'access' }, { token_use: 'access' }])
      expect(await present(forge(claims(said)))).toMatchObject({ status: 200 });
    expect(await present(forge(claims(), { typ: 'at+jwt' }))).toMatchObject({ status: 200 });
  });

  test.each(FORGERIES)('is refused with 401: %s', async (_name, make) => {
    for (const path of ['/guarded', '/tokens-only']) {
      const { status, code, challenge } = await present(make(), path);
      expect({ status, code }).toEqual({ status: 401, code: 'INVALID_CREDENTIAL' });
      expect(challenge).toContain('error="invalid_token"');
    }
  });

  test.each([
    ['path', '../../../../etc/passwd'],
    ['device', '/dev/null'],
    ['SQL', "x' UNION SELECT 'secret' --"],
    ['prototype', '__proto__'],
    ['constructor', 'constructor'],
    ['command', '|cat /etc/passwd'],
    ['address', 'http://169.254.169.254/'],
  ])('gains nothing from a kid that is a %s', async (_name, kid) => {
    expect(await present(forge(claims(), { kid }, ''))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
    expect(await present(forge(claims(), { kid }))).toMatchObject({ status: 200 });
  });

  test('with a kid of 1 MB is refused by its size, before anything of it is read', () => {
    const token = forge(claims(), { kid: 'k'.repeat(1024 * 1024) });
    const found = gateway.deps.tokens.directory.find(token, '192.0.2.1');
    expect(found).toEqual({ kind: 'refused', reason: 'unknown', why: 'form' });
  });

  test('makes the gateway connect to nothing its header names', async () => {
    const { url } = elsewhere;
    const x5c = [der.toString('base64')];
    for (const said of [{ jku: url }, { x5u: url }, { jwk: rsa.jwk }, { x5c }, { jku: url, x5u: url, kid: url }]) {
      expect(await present(rsa.sign(claims(), said))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
      expect(await present(forge(claims(), { ...said, alg: 'HS256' }, pem))).toMatchObject({ status: 401 });
    }
    expect(elsewhere.requests).toEqual([]);
  });

  test('that has expired says so, in these words', async () => {
    const refused = { status: 401, code: 'EXPIRED_CREDENTIAL', detail: 'Token has expired' };
    for (const exp of [seconds(-1), seconds(-86_400), 0]) {
      expect(await present(forge(claims({ exp })))).toMatchObject(refused);
    }
  });

  test('that is forged and expired does not get to know that it has expired', async () => {
    expect(await present(forge(claims({ exp: 1 }), {}, 'guess'))).toMatchObject({ code: 'INVALID_CREDENTIAL' });
  });

  test('is not read from the query, a cookie or the key header', async () => {
    const token = forge(claims());
    const { status } = await fetch(`${gateway.url}/guarded?access_token=${token}&token=${token}`);
    expect(status).toBe(401);
    for (const headers of [new Headers({ Cookie: `access_token=${token}` }), new Headers({ 'X-API-Key': token })])
      expect((await fetch(`${gateway.url}/guarded`, { headers })).status).toBe(401);
  });

  test('does not stand in a log line, whether it was accepted or refused', async () => {
    const tokens = [forge(claims()), forge(claims(), {}, 'guess'), forge(claims({ exp: 1 }))];
    for (const token of tokens) await present(token);
    const log = JSON.stringify(gateway.logged);
    for (const token of tokens) expect(log).not.toContain(token.split('.')[2]);
    expect(log).not.toContain(SECRET);
  });

  test('cannot pollute a prototype', async () => {
    const polluted = forge(`{"sub":"alice","exp":${seconds(60)},"__proto__":{"permissions":["*"]},"tier":"pro"}`);
    expect(await present(polluted)).toMatchObject({ status: 200 });
    expect(({} as { permissions?: unknown }).permissions).toBeUndefined();
  });
});

describe('The secret', () => {
  test('signs tokens that are accepted, as a key that cannot be read out again', async () => {
    const { token, expiresInSeconds } = await gateway.deps.tokens.issuer.issueAccess({ consumer: { id: 'alice' } });
    expect(await present(token)).toMatchObject({ status: 200 });
    expect(expiresInSeconds).toBe(1800);
    const own = await importOwnKey({ ...gateway.loaded.config.auth.jwt.own });
    expect(own?.key.extractable).toBe(false);
  });

  test('is not shown by the configuration endpoint', async () => {
    const res = await fetch(`${gateway.url}/admin/config`, { headers: { 'X-Master-Key': MASTER_KEY } });
    expect(await res.text()).not.toContain(SECRET);
  });
});
