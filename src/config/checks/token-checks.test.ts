import { describe, expect, test } from '@jest/globals';
import { loadText, problemsOf } from '../../../tests/support/load-text.ts';

const SECRET = 'q7Vd2mXcR8sK0aTzYw4LhB6nJf3uPe9G';
const service = (auth: string) => `services: { a: { url: "http://127.0.0.1:9", auth: ${auth} } }`;
const issuer = (fields: string) =>
  `{ alias: corp, issuer: "https://idp.example", audience: gateway, jwks_url: "https://idp.example/keys", ${fields} }`;
const withIssuers = (...issuers: string[]) => `auth: { jwt: { issuers: [${issuers.join(', ')}] } }`;

describe('the secret', () => {
  test('comes from SECRET_KEY, from JWT_SECRET_KEY, or from the file', async () => {
    const written = 'auth: { jwt: { own: { secret: "${MINE}" } } }';
    for (const [yaml, env] of [
      ['{}', { SECRET_KEY: SECRET }],
      ['{}', { JWT_SECRET_KEY: SECRET }],
      ['{}', { SECRET_KEY: SECRET, JWT_SECRET_KEY: SECRET }],
      [written, { MINE: SECRET }],
      [written, { MINE: 'too short', SECRET_KEY: SECRET }],
    ] as const) {
      const { config, warnings } = await loadText(yaml, { env });
      expect(config.auth.jwt.own.secret?.reveal()).toBe(SECRET);
      expect(JSON.stringify([config, warnings])).not.toContain(SECRET);
    }
  });

  test('is refused when its two names hold different values', async () => {
    const env = { SECRET_KEY: SECRET, JWT_SECRET_KEY: `${SECRET}!` };
    expect(await problemsOf('{}', { env })).toEqual([
      expect.stringContaining('JWT_SECRET_KEY: differs from SECRET_KEY'),
    ]);
  });

  test.each([
    ['short', 'q7Vd2mXcR8sK0aTzYw4LhB6nJf3uPe9', 'must be at least 32 bytes for HS256'],
    ['a sample', 'your-super-secret-key-change-in-production', 'is a sample secret'],
    ['a sample', 'supersecret', 'is a sample secret'],
    ['a placeholder', 'please-change-me-please-change-me-please', 'is a sample secret'],
  ])('is refused when it is %s, unless for development', async (_what, secret, problem) => {
    const problems = await problemsOf('{}', { env: { SECRET_KEY: secret } });
    expect(problems).toEqual([expect.stringContaining(`SECRET_KEY: ${problem}`)]);
    expect(problems.join()).not.toContain(secret);
    await expect(loadText('{}', { env: { SECRET_KEY: secret }, dev: true })).resolves.toBeDefined();
  });

  test('must be as long as its algorithm is wide', async () => {
    const env = { SECRET_KEY: SECRET, JWT_ALGORITHM: 'HS512' };
    expect(await problemsOf('{}', { env })).toEqual([expect.stringContaining('at least 64 bytes for HS512')]);
    for (const JWT_ALGORITHM of ['none', 'RS256'])
      expect(await problemsOf('{}', { env: { SECRET_KEY: SECRET, JWT_ALGORITHM } })).toEqual([
        expect.stringContaining('JWT_ALGORITHM: must be one of HS256, HS384, HS512'),
      ]);
  });
});

test('JWT_EXPIRATION_HOURS sets the life of access tokens', async () => {
  const { config } = await loadText('{}', { env: { JWT_EXPIRATION_HOURS: '24' } });
  expect(config.auth.jwt.own.access_ttl).toBe(86_400_000);
  expect(await problemsOf('{}', { env: { JWT_EXPIRATION_HOURS: 'soon' } })).toEqual([
    expect.stringContaining('JWT_EXPIRATION_HOURS: '),
  ]);
});

describe('the mode jwt', () => {
  test('without anything to verify tokens with does not load, and the message says what to set', async () => {
    for (const yaml of [service('{ modes: [api_key, jwt] }'), 'defaults: { auth: { modes: [jwt] } }']) {
      const [problem] = await problemsOf(yaml);
      expect(problem).toContain('no token could be verified: set SECRET_KEY (openssl rand');
    }
  });

  test.each([
    ['a secret', service('{ modes: [jwt] }'), { env: { SECRET_KEY: SECRET } }],
    ['an issuer', `${service('{ modes: [jwt] }')}\n${withIssuers(issuer(''))}`, {}],
    ['a development start', service('{ modes: [jwt] }'), { dev: true }],
  ])('loads with %s', async (_what, yaml, options) => {
    const { config } = await loadText(yaml, options);
    expect(config.routes[0]?.policies.auth).toMatchObject({ modes: ['jwt'] });
  });

  test('need not be written: without modes a file loads with or without a secret', async () => {
    const { config } = await loadText(service('{ header: X-Key }'));
    expect(config.routes[0]?.policies.auth).not.toHaveProperty('modes');
  });
});

describe('an issuer', () => {
  test.each([
    [
      'an address that can be read on the way',
      issuer('').replace('https://idp.example/keys', 'http://idp.example/keys'),
      'jwks_url: must be an https:// address',
    ],
    [
      'an address with a password',
      issuer('').replace('//idp.example/keys', '//u:p@idp.example/keys'),
      'jwks_url: must be an https:// address',
    ],
    ['an algorithm with a shared secret', issuer('algorithms: [HS256]'), 'algorithms[0]: must be one of RS256'],
    ['no algorithm at all', issuer('algorithms: [none]'), 'algorithms[0]: must be one of RS256'],
    [
      'our own name',
      issuer('').replace('https://idp.example"', 'turnpike"'),
      'issuer: is the name in the tokens of this gateway',
    ],
    [
      'a claim that does not exist',
      issuer('claims: { permisions: scope }'),
      'unknown key, did you mean "permissions"?',
    ],
    ['an alias with a colon', issuer('').replace('corp', '"a:b"'), 'alias: must be up to 32 letters'],
  ])('is refused with %s', async (_what, written, problem) => {
    expect((await problemsOf(withIssuers(written))).join('\n')).toContain(problem);
  });

  test.each(['localhost', '127.0.0.1', '[::1]'])('may publish its keys over http on %s', async (host) => {
    const { config } = await loadText(
      withIssuers(issuer('').replace('https://idp.example/keys', `http://${host}/keys`)),
    );
    expect(config.auth.jwt.issuers[0]).toMatchObject({
      algorithms: ['RS256'],
      refresh: 3_600_000,
      claims: { consumer: 'sub' },
    });
  });

  test('stands once, and no consumer of the file bears a name of its callers', async () => {
    const twice = await problemsOf(withIssuers(issuer(''), issuer('')));
    expect(twice.join('\n')).toMatch(/another issuer has this alias[^]*another issuer has this issuer/);
    const named = await problemsOf(`consumers: [{ id: "corp:alice" }]\n${withIssuers(issuer(''))}`);
    expect(named).toEqual([expect.stringContaining('begins with "corp:"')]);
  });

  test('grants only tiers that exist', async () => {
    const tiers = 'tiers: { free: {}, pro: {} }';
    const problems = await problemsOf(
      `${tiers}\n${withIssuers(issuer('default_tier: fre, at_most: { tiers: [gold] }'))}`,
    );
    expect(problems.join('\n')).toMatch(/unknown tier "fre"[^]*unknown tier "gold"/);
  });
});
