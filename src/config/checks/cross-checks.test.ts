import { describe, expect, test } from '@jest/globals';
import { loadText, problemsOf } from '../../../tests/support/load-text.ts';

const SERVICES =
  'services: { a: { url: "http://localhost:1" }, b: { url: "http://localhost:2" }, chat: { url: "http://localhost:3" } }';
const withRoutes = (...routes: string[]): string =>
  `${SERVICES}\nroutes:\n${routes.map((route) => `  - ${route}`).join('\n')}\n`;

describe('services', () => {
  test.each([
    ['no address', 'services: { a: {} }', 'services.a: needs url or targets'],
    ['no section', 'services: { a: }', 'services.a: needs url or targets'],
    [
      'url beside targets',
      'services: { a: { url: "http://x", targets: [{ url: "http://y" }] } }',
      'services.a.url: stands beside targets: write one of them',
    ],
    [
      'a reserved name',
      'services: { metrics: { url: "http://x" } }',
      'services.metrics: "/metrics" belongs to the gateway: give the service another name',
    ],
    [
      'the same target twice',
      'services: { a: { targets: [{ url: "http://x" }, { url: "http://x/" }] } }',
      'services.a.targets[1].url: stands in the list twice: use weight',
    ],
    [
      'a user in the url',
      'services: { a: { url: "http://u:p@x" } }',
      'services.a.url: must be an address such as http://10.0.0.7:8080/base, without user, query or fragment',
    ],
    [
      'tls towards http',
      'services: { a: { targets: [{ url: "http://x", tls: { server_name: y } }] } }',
      'services.a.targets[0].tls: has no meaning for an http:// address',
    ],
    [
      '* with credentials',
      'services: { a: { url: "http://x", cors: { origins: ["*"], credentials: true } } }',
      'services.a.cors.origins: * cannot stand beside credentials: name the origins',
    ],
    [
      'burst without tokens',
      'services: { a: { url: "http://x", rate_limit: { limits: [{ limit: 1, window: 1m, burst: 2 }] } } }',
      /services\.a\.rate_limit\.limits\[0\]: burst/,
    ],
    [
      'a limit twice',
      'settings: { rate_limit: { limits: [{ limit: 1, window: 1m }, { limit: 2, window: 60 }] } }',
      /settings\.rate_limit\.limits\[1\]: counts the same/,
    ],
    [
      'a framing header',
      'defaults: { headers: { request: { remove: [X-A, Content-Length] } } }',
      'defaults.headers.request.remove[1]: belongs to the connection, which the gateway keeps',
    ],
    [
      'backoff upside down',
      'defaults: { retry: { backoff: { initial: 2s, max: 1s } } }',
      'defaults.retry.backoff.initial: is longer than max',
    ],
    [
      'one port for two listeners',
      'settings: { admin: { listen: { port: 8000 } } }',
      'settings.admin.listen.port: is the same port as settings.listen.port',
    ],
    [
      'tokens counted where no model is asked',
      'services: { x: { url: "http://x", rate_limit: { limits: [{ limit: 9, window: 1m, count: tokens }] } } }',
      'services.x.rate_limit.limits[0].count: counts what requests to models use: it has a meaning on llm and embeddings services only',
    ],
    [
      'a budget of money where no model is asked',
      'services: { x: { url: "http://x" } }\nroutes: [{ name: r, match: { path: /r }, service: x, budget: { cost_usd: 1, every: day } }]',
      'routes[0].budget[0].cost_usd: counts what requests to models use: it has a meaning on llm and embeddings services only',
    ],
    [
      'a budget of two amounts',
      'tiers: { t: { budget: { cost_usd: 1, tokens: 1, every: day } } }',
      'tiers.t.budget[0]: must name one of cost_usd, tokens and requests',
    ],
    [
      'part of a request',
      'settings: { rate_limit: { limits: [{ limit: 1.5, window: 1m }] } }',
      'settings.rate_limit.limits[0]: only dollars (count: cost_usd) have fractions',
    ],
    [
      'more dollars than a bucket can count',
      'settings: { rate_limit: { limits: [{ limit: 2000, window: 1d, count: cost_usd, algorithm: token_bucket }] } }',
      'settings.rate_limit.limits[0]: must be at most 1000 dollars with algorithm: token_bucket',
    ],
  ])('%s is refused', async (_what, yaml, message) => {
    const problems = await problemsOf(yaml);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.replace(/^gateway\.yaml:\d+:\d+: /, '')).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  test('two llm services that would both answer /v1 are refused by name', async () => {
    const two = 'services: { x: { kind: llm, url: "http://x" }, y: { kind: llm, url: "http://y" } }';
    expect((await problemsOf(two)).join()).toContain(
      'the services "x" and "y" would both answer the /v1 paths of kind llm',
    );
    expect(await problemsOf(two.replace('y: { kind: llm,', 'y: { kind: llm, enabled: false,'))).toEqual([]);
    expect(await problemsOf(`${two}\nroutes: [{ name: r, match: { path: /r/* }, service: y }]`)).toEqual([]);
  });

  test('a service that no route leads to is a warning', async () => {
    const { warnings } = await loadText('services: { a: { url: "http://x", default_routes: false } }');
    expect(warnings.join()).toMatch(/services\.a: no route leads to this service$/);
  });
});

describe('routes', () => {
  test.each([
    [
      'an unknown service',
      '{ name: r, match: { path: /r }, service: chatt }',
      'routes[0].service: unknown service "chatt", did you mean "chat"?',
    ],
    ['no answer', '{ name: r, match: { path: /r } }', 'routes[0]: needs service, redirect or respond'],
    [
      'two answers',
      '{ name: r, match: { path: /r }, service: a, respond: {} }',
      'routes[0].respond: stands beside service: write one of them',
    ],
    [
      'the name of another service',
      '{ name: b, match: { path: /r }, service: a }',
      'routes[0].name: is the name of another service',
    ],
    [
      'an own endpoint',
      '{ name: r, match: { path: /health }, service: a }',
      'routes[0].match.path: belongs to the gateway itself',
    ],
    [
      'a path below /admin',
      '{ name: r, match: { path: /x }, also: [/admin/x], service: a }',
      'routes[0].also[0]: belongs to the gateway itself',
    ],
    [
      '/admin on a host of its own',
      '{ name: r, match: { path: /admin/*, hosts: [x.example] }, service: a }',
      'routes[0].match.path: belongs to the gateway itself',
    ],
    [
      '* in the middle',
      '{ name: r, match: { path: /a/*/b }, service: a }',
      'routes[0].match.path: * may only be the last segment',
    ],
    [
      'a dot segment',
      '{ name: r, match: { path: /a/../b }, service: a }',
      /routes\[0\]\.match\.path: is no path a request can have/,
    ],
    [
      'a spelling that is not canonical',
      '{ name: r, match: { path: /%61 }, service: a }',
      'routes[0].match.path: requests are matched as /a: write it so',
    ],
    [
      'a parameter twice',
      '{ name: r, match: { path: "/:x/:x" }, service: a }',
      'routes[0].match.path: a :name stands in the path twice',
    ],
    [
      'a prefix that is none',
      '{ name: r, match: { path: /abc/* }, service: a, rewrite: { strip_prefix: /ab } }',
      'routes[0].rewrite.strip_prefix: is not the beginning of every path of the route',
    ],
    [
      'a rewrite to what is not captured',
      '{ name: r, match: { path: "/:x" }, service: a, rewrite: { path: "/:y" } }',
      'routes[0].rewrite.path: uses :y, which a path of the route does not have',
    ],
    [
      'an empty rewrite',
      '{ name: r, match: { path: /r }, service: a, rewrite: {} }',
      'routes[0].rewrite: needs strip_prefix or path, one of them',
    ],
    [
      'a redirect of a rest it has not',
      '{ name: r, match: { path: /r }, redirect: { to: /x/* } }',
      /routes\[0\]\.redirect\.to: carries the rest/,
    ],
    [
      'a connect timeout',
      '{ name: r, match: { path: /r }, service: a, timeout: { connect: 1s } }',
      'routes[0].timeout.connect: belongs to the service',
    ],
    [
      'a policy of services',
      '{ name: r, match: { path: /r }, service: a, retry: false }',
      'routes[0].retry: unknown key',
    ],
  ])('%s is refused', async (_what, route, message) => {
    const problems = await problemsOf(withRoutes(route));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.replace(/^gateway\.yaml:\d+:\d+: /, '')).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    );
  });

  test.each(['/health', '/', '/metrics', '/v1/auth/login'])('a route with hosts owns %s on them', async (path) => {
    expect(
      await problemsOf(withRoutes(`{ name: r, match: { path: ${path}, hosts: [x.example] }, service: a }`)),
    ).toEqual([]);
  });

  test('a name may stand once', async () => {
    const routes = ['{ name: r, match: { path: /r }, service: a }', '{ name: r, match: { path: /s }, service: a }'];
    expect(await problemsOf(withRoutes(...routes))).toEqual([
      'gateway.yaml:4:7: routes[1].name: another route has the name "r"',
    ]);
  });
});

describe('routes of equal rank', () => {
  const pair = (first: string, second: string): string =>
    withRoutes(`{ name: x, service: a, match: { ${first} } }`, `{ name: y, service: b, match: { ${second} } }`);

  test.each([
    ['path: /p', 'path: /p'],
    ['path: "/p/:id"', 'path: "/p/:name"'],
    ['path: /p/*', 'path: /p/*'],
    ['path: /p, methods: [GET, POST]', 'path: /p, methods: [POST]'],
    ['path: /p, hosts: [a.example]', 'path: /p, hosts: [b.example, A.EXAMPLE]'],
    ['path: /p, headers: { a: "1" }', 'path: /p, headers: { A: "1" }'],
    ['path: /p, headers: { a: "1" }', 'path: /p, headers: { b: "1" }'],
  ])('%s and %s are refused, and both are named', async (first, second) => {
    expect((await problemsOf(pair(first, second))).join()).toMatch(
      /routes\[1\]: the routes "x" and "y" match the same requests at \/p/,
    );
  });

  test.each([
    ['path: /p', 'path: /p/*'],
    ['path: /p/x', 'path: "/p/:id"'],
    ['path: /p, methods: [GET]', 'path: /p, methods: [POST]'],
    ['path: /p, methods: [GET]', 'path: /p'],
    ['path: /p, hosts: [a.example]', 'path: /p'],
    ['path: /p, hosts: ["*.example"]', 'path: /p, hosts: [a.example]'],
    ['path: /p, headers: { a: "1" }', 'path: /p, headers: { a: "2" }'],
    ['path: /p, headers: { a: "1" }', 'path: /p, headers: { a: "1", b: "1" }'],
  ])('%s and %s stand beside each other', async (first, second) => {
    expect(await problemsOf(pair(first, second))).toEqual([]);
  });

  test('a path twice in one route, and a written path that a service has by its name', async () => {
    expect((await problemsOf(withRoutes('{ name: r, match: { path: /r }, also: [/r], service: a }'))).join()).toContain(
      'the path /r stands in the route twice',
    );
    const taken = withRoutes('{ name: r, match: { path: /b/* }, service: a }');
    expect(await problemsOf(taken)).toEqual([
      'gateway.yaml:3:5: routes[0]: the routes "b" and "r" match the same requests at /b/*',
    ]);
  });
});

describe('consumers', () => {
  const hash = `sha256:${'ab'.repeat(32)}`;

  test('ids and keys are unique, whatever the case of the digits', async () => {
    const key = (text: string): string => `keys: [{ hash: "${text}" }]`;
    const yaml = `consumers:\n  - { id: x, ${key(hash)} }\n  - { id: x, ${key(`sha256:${'AB'.repeat(32)}`)} }\n`;
    expect(await problemsOf(yaml)).toEqual([
      'gateway.yaml:3:7: consumers[1].id: another consumer has this id',
      'gateway.yaml:3:23: consumers[1].keys[0].hash: another key has this hash',
    ]);
  });

  test('load with ids, hashes in lower case and instants', async () => {
    const yaml =
      `consumers: [{ id: x, keys: [{ hash: "${hash.replaceAll('ab', 'AB')}", expires_at: 2030-01-01 }] }]`.replace(
        'SHA',
        'sha',
      );
    expect((await loadText(yaml)).config.consumers).toEqual([
      {
        id: 'x',
        name: 'x',
        enabled: true,
        tier: undefined,
        permissions: ['*'],
        rate_limit: undefined,
        keys: [
          {
            id: 'key_abababababab',
            hash: 'ab'.repeat(32),
            expires_at: Date.parse('2030-01-01'),
            rate_limit: undefined,
            scopes: undefined,
            models: undefined,
            routes: undefined,
            addresses: undefined,
          },
        ],
      },
    ]);
  });
});

describe('tiers', () => {
  const tiers = 'tiers: { free: { rate_limit: 10 }, pro: {} }\n';

  test('reach every route in long form, before the limits of service and route', async () => {
    const { config } = await loadText(`${tiers}services: { a: { url: "http://x", rate_limit: 5 } }`);
    const limit = { limit: 10, window: 60_000, per: ['consumer'], algorithm: 'sliding_window' };
    expect(config.routes[0]?.policies.limits).toMatchObject([
      { level: 'tier', id: 'free', rate_limit: { limits: [limit] } },
      { level: 'tier', id: 'pro', rate_limit: { limits: [] } },
      { level: 'service', id: 'a' },
    ]);
  });

  test('are known to the consumers of the file', async () => {
    const { config } = await loadText(`${tiers}consumers: [{ id: x, tier: pro, permissions: ["embed:*"] }]`);
    expect(config.consumers).toMatchObject([{ tier: 'pro', permissions: ['embed:*'] }]);
    expect(await problemsOf(`${tiers}consumers: [{ id: x, tier: fre }, { id: y, tier: constructor }]`)).toEqual([
      'gateway.yaml:2:22: consumers[0].tier: unknown tier "fre", did you mean "free"?',
      'gateway.yaml:2:44: consumers[1].tier: unknown tier "constructor", the tiers are free, pro',
    ]);
  });

  test('may be mere labels while none is declared', async () => {
    expect(await problemsOf('consumers: [{ id: x, tier: gold }]')).toEqual([]);
  });

  test('carry limits that make sense together', async () => {
    const twice = 'tiers: { a: { rate_limit: { limits: [{ limit: 1, window: 1m }, { limit: 2, window: 60 }] } } }';
    expect((await problemsOf(twice)).join()).toMatch(/tiers\.a\.rate_limit\.limits\[1\]: counts the same/);
  });
});

describe('permissions', () => {
  test.each(['a b', '', '*:write', 'a**', 'ä:b'])('%j is none', async (permission) => {
    const problems = await problemsOf(`consumers: [{ id: x, permissions: [${JSON.stringify(permission)}] }]`);
    expect(problems.join()).toMatch(/permissions\[0\]: must be a permission such as chat:write, chat:\* or \*$/);
  });

  test.each(['*', 'embed:write', 'embed:*', 'read:portfolio'])('%j is one', async (permission) => {
    expect(await problemsOf(`consumers: [{ id: x, permissions: ["${permission}"] }]`)).toEqual([]);
  });
});

describe('idempotency', () => {
  test('is off unless written, and in its short form has all defaults', async () => {
    const yaml =
      'defaults: { idempotency: true }\nservices: { a: { url: "http://x" }, b: { url: "http://y", idempotency: false } }';
    const { config } = await loadText(yaml);
    const found = config.routes.map(({ policies }) => policies.idempotency);
    expect(found).toEqual([{ ttl: 86_400_000, max_recorded_bytes: 1_048_576 }, undefined]);
    const without = await loadText('services: { a: { url: "http://x" } }');
    expect(without.config.routes[0]?.policies.idempotency).toBeUndefined();
  });

  test('is refused where answers would belong to nobody', async () => {
    const problems = await problemsOf('services: { a: { url: "http://x", auth: false, idempotency: true } }');
    expect(problems).toEqual([expect.stringMatching(/services\.a\.idempotency: needs auth, because a kept answer/)]);
  });
});

describe('authorize', () => {
  const service = (fields: string): string => `services: { a: { url: "http://x", ${fields} } }`;

  test('reaches routes like auth: the innermost wins whole, and without one nothing is asked for', async () => {
    const yaml =
      'defaults: { authorize: { permissions: [a:b] } }\nservices: { a: { url: "http://x" }, b: { url: "http://y", authorize: false } }';
    const { config } = await loadText(yaml);
    const found = config.routes.map(({ policies }) => policies.authorize);
    expect(found).toEqual([
      { permissions: ['a:b'], models: [] },
      { permissions: [], models: [] },
    ]);
    const open = await loadText(service('auth: false'));
    expect(open.config.routes[0]?.policies.authorize).toBeUndefined();
  });

  test.each([
    [
      'where nobody is authenticated',
      'auth: false, authorize: { permissions: [a:b] }',
      'services.a.authorize: needs auth: nobody is known here',
    ],
    [
      'for models of an http service',
      'authorize: { models: [gpt-4] }',
      'services.a.authorize.models: are known on llm and embeddings services only',
    ],
  ])('is refused %s', async (_what, fields, message) => {
    const problems = await problemsOf(service(fields));
    expect(problems.map((problem) => problem.replace(/^gateway\.yaml:\d+:\d+: /, ''))).toEqual([message]);
  });
});
