import { describe, expect, test } from '@jest/globals';
import { loadText } from '../../tests/support/load-text.ts';
import type { RouteConfig } from './gateway-config.ts';

async function routesOf(yaml: string): Promise<Record<string, RouteConfig>> {
  const { config } = await loadText(yaml);
  return Object.fromEntries(config.routes.map((route) => [route.name, route]));
}

const patternsOf = (route: RouteConfig | undefined): string[] | undefined => route?.paths.map((path) => path.pattern);

test('an inference service is probed unless health is written: any answer shows that it is there', async () => {
  const { config } = await loadText(
    'services: { a: { url: "http://a" }, e: { kind: embeddings, url: "http://e" }, f: { kind: embeddings, url: "http://f", health: false, default_routes: false } }',
  );
  const { a, e, f } = config.services;
  expect([a?.health, f?.health]).toEqual([false, false]);
  expect(e?.health).toMatchObject({ path: '/health', interval: 5_000, expected_status: { from: 100, to: 599 } });
});

describe('implied routes', () => {
  test('a service has its name, with the prefix stripped, and /service/<name>', async () => {
    const { a } = await routesOf('services: { a: { url: "http://x" } }');
    expect(a).toMatchObject({ implied: true, service: 'a', operation: false, match: { hosts: [], methods: [] } });
    expect(a?.paths).toEqual([
      { pattern: '/a/*', strip_prefix: '/a', rewrite_path: undefined },
      { pattern: '/service/a/*', strip_prefix: '/service/a', rewrite_path: undefined },
    ]);
  });

  test('a service that routes name has none, even when that route is parked', async () => {
    const yaml =
      'services: { a: { url: "http://x" } }\nroutes: [{ name: r, match: { path: /r }, service: a, enabled: false }]';
    expect(await routesOf(yaml)).toEqual({});
  });

  test('a service that a route names keeps its standard paths where default_routes says so', async () => {
    const yaml =
      'services: { e: { kind: embeddings, url: "http://e", default_routes: true } }\nroutes: [{ name: r, match: { path: /v1/embed, methods: [POST] }, service: e }]';
    const { r, e } = await routesOf(yaml);
    expect([patternsOf(r), patternsOf(e)?.slice(2)]).toEqual([['/v1/embed'], ['/v1/embeddings', '/v1/embed']]);
  });

  test('default_routes decides otherwise, both ways', async () => {
    const named =
      'services: { a: { url: "http://x", default_routes: true } }\nroutes: [{ name: r, match: { path: /r }, service: a }]';
    expect(Object.keys(await routesOf(named))).toEqual(['a', 'r']);
    expect(await routesOf('services: { a: { url: "http://x", default_routes: false } }')).toEqual({});
  });

  test('a parked service takes its routes with it', async () => {
    const yaml =
      'services: { a: { url: "http://x", enabled: false } }\nroutes: [{ name: r, match: { path: /r }, service: a }]';
    expect((await loadText(yaml)).config).toMatchObject({ services: {}, routes: [] });
  });

  test('the only llm and the only embeddings service answer the standard paths of their kind', async () => {
    const { chat, embed } = await routesOf(
      'services: { chat: { kind: llm, url: "http://x/v1" }, embed: { kind: embeddings, url: "http://y" } }',
    );
    expect(chat?.paths.slice(2)).toEqual([
      { pattern: '/v1/*', strip_prefix: undefined, rewrite_path: undefined },
      { pattern: '/api/v1/chat/completions', strip_prefix: '/api', rewrite_path: undefined },
      { pattern: '/api/v1/chat/completions/stream', strip_prefix: '/api', rewrite_path: undefined },
      { pattern: '/api/v1/chat/models', strip_prefix: undefined, rewrite_path: '/models' },
    ]);
    expect(patternsOf(embed)?.slice(2)).toEqual(['/v1/embeddings', '/v1/embed']);
    expect([chat?.operation, embed?.operation]).toEqual([true, true]);
  });

  test('an llm service with routes leaves the standard paths to the other one', async () => {
    const routes = await routesOf(
      'services: { x: { kind: llm, url: "http://x" }, y: { kind: llm, url: "http://y" } }\nroutes: [{ name: r, match: { path: /r/* }, service: y }]',
    );
    expect(patternsOf(routes['x'])).toContain('/v1/*');
    expect(patternsOf(routes['r'])).toEqual(['/r/*']);
  });
});

describe('what a kind of service gets', () => {
  test.each([
    [
      'http',
      { dialect: 'problem', body: 10, first: 60, idle: 60, streamed: 3_600, total: 0, slash: 'refuse', identity: true },
    ],
    [
      'llm',
      {
        dialect: 'openai',
        body: 32,
        first: 600,
        idle: 300,
        streamed: 300,
        total: 1_800,
        slash: 'pass',
        identity: false,
      },
    ],
    [
      'embeddings',
      { dialect: 'openai', body: 32, first: 60, idle: 60, streamed: 3_600, total: 0, slash: 'refuse', identity: false },
    ],
  ])('%s: %j', async (kind, expected) => {
    const route = (await routesOf(`services: { a: { kind: ${kind}, url: "http://x" } }`))['a'];
    const { body_limit, timeout, paths, headers } = route?.policies ?? {};
    expect({
      dialect: route?.dialect,
      body: (body_limit ?? 0) / 1_048_576,
      first: (timeout?.first_byte ?? 0) / 1_000,
      idle: (timeout?.idle ?? 0) / 1_000,
      streamed: (timeout?.idle_streamed ?? 0) / 1_000,
      total: (timeout?.total ?? 0) / 1_000,
      slash: paths?.encoded_slash,
      identity: headers?.forward_identity,
    }).toEqual(expected);
  });
});

describe('how settings combine', () => {
  const yaml = `
defaults:
  timeout: { connect: 1s, first_byte: 1s }
  headers: { preserve_host: true, request: { set: { x-a: a } } }
  cors: [https://d.example]
  rate_limit: 1
  concurrency: 9
  dialect: simple
settings: { rate_limit: { limits: [{ limit: 1000, window: 1s, per: global }] } }
services:
  a: { url: "http://x", timeout: { first_byte: 2s, idle: 7s }, headers: { underscores: drop }, rate_limit: 2 }
  b: { url: "http://y", cors: false, rate_limit: false, concurrency: false }
routes:
  - { name: r, match: { path: /r }, service: a, timeout: { total: 9s }, rate_limit: 3, concurrency: 4, dialect: envelope }
  - { name: s, match: { path: /s }, service: a, rate_limit: false, concurrency: false }
  - { name: t, match: { path: /t }, redirect: { to: /r } }
`;
  const limitsOf = (route: RouteConfig | undefined): string[] | undefined =>
    route?.policies.limits.map((level) => `${level.level} ${level.id} ${level.rate_limit.limits[0]?.limit}`);

  test('timeouts merge field by field, and a written idle counts for streams too', async () => {
    const { r } = await routesOf(yaml);
    expect(r?.policies.timeout).toEqual({
      connect: 1_000,
      first_byte: 2_000,
      first_byte_streamed: 60_000,
      idle: 7_000,
      idle_streamed: 7_000,
      total: 9_000,
      upload_idle: 10_000,
      upload_rate: 1_000,
    });
  });

  test('a dialect that is written holds on the paths of the Messages API, too', async () => {
    const dialects = async (fields: string): Promise<unknown> => {
      const { a } = await routesOf(`services: { a: { kind: llm, url: "http://x"${fields} } }`);
      return [a?.dialect, a?.messages_dialect];
    };
    expect(await dialects('')).toEqual(['openai', 'anthropic']);
    for (const dialect of ['openai', 'anthropic', 'simple'])
      expect(await dialects(`, dialect: ${dialect}`)).toEqual([dialect, dialect]);
  });

  test('the later one of any other policy wins whole', async () => {
    const { r, b } = await routesOf(yaml);
    expect(r?.policies.headers).toMatchObject({ preserve_host: false, underscores: 'drop', request: { set: {} } });
    expect(b?.policies.headers).toMatchObject({ preserve_host: true, request: { set: { 'x-a': 'a' } } });
    expect([r?.dialect, b?.dialect]).toEqual(['envelope', 'simple']);
  });

  test('limits of all levels add up, and a service replaces what it inherits', async () => {
    const { r, b, s } = await routesOf(yaml);
    expect(limitsOf(r)).toEqual(['settings  1000', 'service a 2', 'route r 3']);
    expect(limitsOf(b)).toEqual(['settings  1000']);
    expect(limitsOf(s)).toEqual(['settings  1000', 'service a 2']);
  });

  test('false on a route removes what comes from defaults, not what the service writes', async () => {
    const { s, r } = await routesOf(yaml);
    expect(s?.policies.concurrency).toEqual([]);
    expect(r?.policies.concurrency.map(({ level, limit }) => [level, limit])).toEqual([
      ['service', 9],
      ['route', 4],
    ]);
  });

  test('false switches off what defaults would give', async () => {
    const { b, r } = await routesOf(yaml);
    expect(b?.policies.cors).toBeUndefined();
    expect(r?.policies.cors?.origins).toEqual(['https://d.example']);
  });

  test('a route without a service inherits nothing and checks no key unless it says so', async () => {
    const { t } = await routesOf(yaml);
    expect(t).toMatchObject({
      service: undefined,
      kind: 'http',
      dialect: 'problem',
      redirect: { to: '/r', status: 308 },
    });
    expect(t?.policies).toMatchObject({ auth: false, cors: undefined, concurrency: [], body_limit: 10 * 1_048_576 });
    expect(limitsOf(t)).toEqual(['settings  1000']);
  });
});

test('a route carries its rewrite on every path, hosts and header names in lower case', async () => {
  const { r } = await routesOf(`services: { a: { url: "http://x" } }
routes: [{ name: r, match: { path: /x/*, hosts: [API.Example.com], headers: { X-Beta: "A" } }, also: [/x/y], service: a, rewrite: { strip_prefix: /x } }]`);
  expect(r?.match).toEqual({ hosts: ['api.example.com'], methods: [], headers: { 'x-beta': 'A' } });
  expect(r?.paths.map((path) => path.strip_prefix)).toEqual(['/x', '/x']);
});

test('budgets of all levels add up, a service replaces what it inherits, and false removes it', async () => {
  const routes = await routesOf(`
settings: { budget: { cost_usd: 100, every: month, per: global } }
tiers: { t: { budget: { tokens: 5, every: day } } }
defaults: { budget: { requests: 1, every: day } }
services:
  a: { url: "http://a", default_routes: true }
  b: { url: "http://b", budget: { requests: 2, every: month } }
  c: { url: "http://c", budget: false }
routes:
  - { name: r, match: { path: /r }, service: a, budget: [{ requests: 3, every: day }, { requests: 4, every: month }] }
`);
  const budgetsOf = (name: string) =>
    routes[name]?.policies.limits.map(({ level, budget }) => [level, ...(budget ?? []).map((each) => each.requests)]);
  const outer = [
    ['settings', undefined],
    ['tier', undefined],
  ];
  expect(budgetsOf('a')).toEqual([...outer, ['service', 1]]);
  expect(budgetsOf('b')).toEqual([...outer, ['service', 2]]);
  expect(budgetsOf('c')).toEqual(outer);
  expect(budgetsOf('r')).toEqual([...outer, ['service', 1], ['route', 3, 4]]);
});
