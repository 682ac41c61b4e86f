import { describe, expect, test } from '@jest/globals';
import { Secret } from '../lib/secret.ts';
import { loadText, problemsOf } from '../../tests/support/load-text.ts';

const one = (rest: string): string => `services:\n  a:\n    url: http://localhost:1\n${rest}`;

describe('the short form', () => {
  const short = 'services:\n  a: { url: "http://localhost:1", rate_limit: 100 }\nsettings: { rate_period: 30 }\n';

  test('stands for a limit per consumer and period', async () => {
    const { config } = await loadText(short);
    const limit = {
      limit: 100,
      window: 30_000,
      per: ['consumer'],
      algorithm: 'sliding_window',
      count: 'requests',
      mode: 'auto',
      dry_run: false,
    };
    expect(config.routes[0]?.policies.limits).toEqual([{ level: 'service', id: 'a', rate_limit: { limits: [limit] } }]);
  });

  test('gives the service its paths, a key check, retries and a breaker', async () => {
    const { config } = await loadText(short);
    expect(config.routes.map((route) => route.paths.map((path) => path.pattern))).toEqual([['/a/*', '/service/a/*']]);
    expect(config.routes[0]?.policies.auth).toEqual({
      header: 'X-API-Key',
      token_in_query: false,
      on_stale_feed: 'serve',
    });
    expect(config.services['a']).toMatchObject({ retry: { attempts: 3 }, circuit_breaker: { error_percent: 50 } });
  });

  test('reads lists of origins, concurrency as a number and policies that are off', async () => {
    const { config } = await loadText(
      one('    cors: [https://x.example]\n    concurrency: 7\n    auth: false\n    retry: false\n'),
    );
    const policies = config.routes[0]?.policies;
    expect(policies?.cors).toMatchObject({ origins: ['https://x.example'], max_age: 600_000 });
    expect(policies?.concurrency).toEqual([{ limit: 7, per: 'consumer', level: 'service', id: 'a' }]);
    expect(policies?.auth).toBe(false);
    expect(config.services['a']?.retry).toBe(false);
  });
});

describe('values', () => {
  test('durations are milliseconds, sizes are bytes, off is 0', async () => {
    const { config } = await loadText(
      one('    timeout: { first_byte: 1.5s, idle: 5, total: off }\n    body_limit: 64KiB\n'),
    );
    expect(config.routes[0]?.policies.timeout).toMatchObject({ first_byte: 1_500, idle: 5_000, total: 0 });
    expect(config.routes[0]?.policies.body_limit).toBe(65_536);
  });

  test('a key without a value is no key', async () => {
    const { config } = await loadText(one('    rate_limit:\n    cors: null\nsettings: { listen: { tls: null } }\n'));
    expect(config.routes[0]?.policies).toMatchObject({ limits: [], cors: undefined });
    expect(config.settings.listen.tls).toBeUndefined();
  });

  test('text from a variable is read again where a number, boolean or list is wanted', async () => {
    const env = { N: '7', B: 'false', L: '["10.0.0.0/8", "::1"]', C: 'GET, POST', W: '90' };
    const yaml = one(`    ip: { deny: "\${L}" }
    rate_limit: { limits: [{ limit: "\${N}", window: "\${W}" }] }
    enabled: "\${NONE:-true}"
    headers: { preserve_host: "\${B}", request: { set: { x-n: "\${N}" } } }
routes:
  - { name: r, match: { path: /r, methods: "\${C}" }, service: a }
`);
    const { config } = await loadText(yaml, { env });
    const { ip, limits, headers } = config.routes[0]?.policies ?? {};
    expect(config.routes[0]?.match.methods).toEqual(['GET', 'POST']);
    expect(ip?.deny).toEqual(['10.0.0.0/8', '::1']);
    expect(limits?.[0]?.rate_limit.limits[0]).toMatchObject({ limit: 7, window: 90_000 });
    expect(headers).toMatchObject({ preserve_host: false, request: { set: { 'x-n': '7' } } });
  });

  test('a short form may come from a variable', async () => {
    const yaml = one('    rate_limit: "${R}"\n    cors: "${O}"\n    retry: "${OFF}"\n');
    const { config } = await loadText(yaml, {
      env: { R: '12', O: 'https://a.example,https://b.example', OFF: 'false' },
    });
    expect(config.routes[0]?.policies.limits[0]?.rate_limit.limits[0]?.limit).toBe(12);
    expect(config.routes[0]?.policies.cors?.origins).toEqual(['https://a.example', 'https://b.example']);
    expect(config.services['a']?.retry).toBe(false);
  });

  test('an empty variable is as good as none: the default stands', async () => {
    const { config } = await loadText('settings: { listen: { port: "${P}" }, trust_proxy: "${T}" }', {
      env: { P: '', T: '' },
    });
    expect(config.settings).toMatchObject({ listen: { port: 8_000 }, trust_proxy: [] });
  });

  test('text that only contains a variable stays text', async () => {
    expect(await problemsOf('settings: { listen: { port: "1${N}" } }', { env: { N: '0' } })).toEqual([
      'gateway.yaml:1:23: settings.listen.port: must be a whole number',
    ]);
  });

  test('secrets come as Secret, and an empty one counts as none', async () => {
    const yaml = 'services: { a: { targets: [{ url: "http://localhost:1", api_key: "${K:-}" }] } }';
    const withKey = await loadText(yaml, { env: { K: 'sk-upstream' } });
    expect(withKey.config.services['a']?.targets[0]?.api_key).toBeInstanceOf(Secret);
    expect(withKey.config.services['a']?.targets[0]?.api_key?.reveal()).toBe('sk-upstream');
    expect(withKey.warnings).toEqual([]);
    expect((await loadText(yaml)).config.services['a']?.targets[0]?.api_key).toBeUndefined();
  });

  test('a secret in the file is a warning with its place', async () => {
    const yaml = 'services: { a: { targets: [{ url: "http://localhost:1", api_key: sk-literal }] } }';
    expect((await loadText(yaml)).warnings.join()).toMatch(
      /gateway\.yaml:1:57: services\.a\.targets\[0\]\.api_key: .*\$\{NAME\}/,
    );
  });

  test('${file:…} is relative to the configuration and loses one line end', async () => {
    const yaml = 'services: { a: { targets: [{ url: "http://localhost:1", api_key: "${file:key.txt}" }] } }';
    const { config } = await loadText(yaml, { files: { 'key.txt': 'from-file\n' } });
    expect(config.services['a']?.targets[0]?.api_key?.reveal()).toBe('from-file');
    expect(await problemsOf(yaml)).toEqual([
      'gateway.yaml:1:66: services.a.targets[0].api_key: the file key.txt cannot be read',
    ]);
  });
});

describe('mistakes', () => {
  test('all of them are reported at once, in the order of the file, each with its place', async () => {
    const yaml = `services:
  chat:
    url: http://localhost:1
    rate_limit: { limits: [{ limit: 10, windw: 1m }] }
    timeout: { idle: soon }
    api_kye: x
settings:
  listen: { port: 99999 }
  log: { level: infoo }
`;
    expect(await problemsOf(yaml)).toEqual([
      'gateway.yaml:4:28: services.chat.rate_limit.limits[0].window: is required',
      'gateway.yaml:4:41: services.chat.rate_limit.limits[0].windw: unknown key, did you mean "window"?',
      'gateway.yaml:5:16: services.chat.timeout.idle: must be a duration such as 250ms, 30s, 5m, 1h',
      'gateway.yaml:6:5: services.chat.api_kye: unknown key',
      'gateway.yaml:8:13: settings.listen.port: must be at most 65535',
      'gateway.yaml:9:10: settings.log.level: must be one of trace, debug, info, warn, error, fatal, silent, did you mean "info"?',
    ]);
  });

  test.each(['budgets', 'modles'])('%s is an unknown key wherever it is written', async (key) => {
    const text = (await problemsOf(`${one(`    ${key}: {}\n`)}${key}: {}\nsettings: { ${key}: {} }\n`)).join('\n');
    expect(text.match(/unknown key/g)).toHaveLength(3);
  });

  test('a missing variable is named with the place that needs it, and reported once', async () => {
    expect(await problemsOf('services: { a: { url: "http://${HOST}" } }')).toEqual([
      'gateway.yaml:1:23: services.a.url: the environment variable HOST is not set',
    ]);
  });

  test('no problem quotes what a variable holds', async () => {
    const env = { V: 'hunter2' };
    const yaml =
      'settings: { listen: { port: "${V}" }, rate_period: "${V}", log: { level: "${V}" }, trust_proxy: "${V}" }';
    const problems = await problemsOf(yaml, { env });
    expect(problems).toHaveLength(4);
    expect(problems.join()).not.toContain('hunter2');
  });

  test('a file that does not exist is one clear problem', async () => {
    const { loadConfig } = await import('./load.ts');
    await expect(loadConfig({ file: '/nowhere/gateway.yaml', env: {} })).rejects.toMatchObject({
      code: 'CONFIG',
      problems: [{ file: '/nowhere/gateway.yaml', message: expect.stringContaining('turnpike init') }],
    });
  });
});

describe('the result', () => {
  test('is frozen to the bottom', async () => {
    const { config } = await loadText(one('    rate_limit: 5\n'));
    expect(() => Object.assign(config.routes[0]?.policies.limits[0]?.rate_limit.limits[0] ?? {}, { limit: 9 })).toThrow(
      TypeError,
    );
  });

  test('has a hash that follows meaning, not spelling, and leaves secrets out', async () => {
    const hashOf = async (yaml: string, env = {}): Promise<string> => (await loadText(yaml, { env })).config.hash;
    const base = await hashOf('services: { a: { url: "http://localhost:1", rate_limit: 60 } }');
    expect(await hashOf('# other\nservices:\n  a:\n    rate_limit: 60\n    url: http://localhost:1\n')).toBe(base);
    expect(await hashOf('services: { a: { url: "http://localhost:1", rate_limit: 61 } }')).not.toBe(base);
    const keyed = 'services: { a: { targets: [{ url: "http://localhost:1", api_key: "${K}" }] } }';
    expect(await hashOf(keyed, { K: 'one' })).toBe(await hashOf(keyed, { K: 'two' }));
  });

  test('an empty file is a gateway with its own endpoints only', async () => {
    expect((await loadText('{}')).config).toMatchObject({
      services: {},
      routes: [],
      settings: { listen: { port: 8_000 } },
    });
  });
});

test('an empty file is refused: it is what a file looks like while somebody writes it', async () => {
  expect(await problemsOf('# nothing yet\n')).toEqual([expect.stringContaining('the file is empty')]);
});

describe('balance', () => {
  test.each(['round_robin', 'least_requests', 'latency', 'hash:consumer', 'hash:header:X-Session'])(
    'may be %s',
    async (balance) => {
      const { config } = await loadText(one(`    balance: ${balance}\n`));
      expect(config.services['a']?.balance).toBe(balance);
    },
  );

  test.each(['hash', 'hash:header:', 'hash:header:a b', 'random'])(
    '%s is refused with what may stand there',
    async (balance) => {
      expect(await problemsOf(one(`    balance: "${balance}"\n`))).toEqual([
        'gateway.yaml:4:5: services.a.balance: must be round_robin, least_requests, latency, hash:consumer, or hash:header: and the name of a header',
      ]);
    },
  );
});
