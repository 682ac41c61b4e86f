// What `validate` accepts, a gateway can run: generated configurations are checked and then made live.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { ConfigError } from '../../src/config/config-error.ts';
import { tryCompile } from '../../src/routing/try-compile.ts';
import { arbitraryConfig } from '../support/arbitrary-config.ts';
import { loadText, problemsOf } from '../support/load-text.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway(
    `settings: { ${QUICK_SHUTDOWN} }\nservices: { base: { url: "http://127.0.0.1:9" } }\n`,
  );
});
afterAll(() => gateway.close());

test('a generated configuration is refused with a place, or it compiles and goes live', async () => {
  const verdicts = { refused: 0, live: 0 };
  await fc.assert(
    fc.asyncProperty(arbitraryConfig, async (config) => {
      const text = stringify(config);
      const loaded = await loadText(text).catch((error: unknown) => error);
      if (loaded instanceof ConfigError) {
        verdicts.refused++;
        expect(loaded.problems.every(({ line, path }) => line > 0 && path !== '')).toBe(true);
        return;
      }
      if (loaded instanceof Error) throw loaded;
      tryCompile((loaded as Awaited<ReturnType<typeof loadText>>).config, () => ['/health']);
      gateway.writeConfig(text);
      expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
      verdicts.live++;
    }),
    { numRuns: 150 },
  );
  // Both verdicts are common, or the property says little.
  expect(verdicts.live).toBeGreaterThan(25);
  expect(verdicts.refused).toBeGreaterThan(25);
});

const service = (fields: string): string => `services: { a: { url: "http://127.0.0.1:9", ${fields} } }\n`;

describe('what a start would stumble over is refused with its place', () => {
  test.each([
    ['headers: { request: { remove: [Proxy-Authorization] } }', 'services.a.headers.request.remove[0]'],
    ['headers: { request: { set: { Expect: x } } }', 'services.a.headers.request.set.Expect'],
    ['headers: { request: { set: { X-A: "€" } } }', 'services.a.headers.request.set.X-A'],
    ['headers: { response: { add: { X-A: "a\\u0001b" } } }', 'services.a.headers.response.add.X-A'],
    ['headers: { response: { remove: [Proxy-Authenticate] } }', 'services.a.headers.response.remove[0]'],
    ['auth: { header: Content-Length }', 'services.a.auth.header'],
    ['rate_limit: "100"', 'services.a.rate_limit'],
  ])('%s', async (fields, path) => {
    const problems = await problemsOf(service(fields));
    expect(problems.join('\n')).toMatch(
      new RegExp(`^gateway\\.yaml:\\d+:\\d+: ${path.replace(/[[\].]/g, '\\$&')}: `, 'm'),
    );
  });

  test('a key of an upstream with a line end, as files have it', async () => {
    const yaml = 'services: { a: { targets: [{ url: "http://127.0.0.1:9", api_key: "${KEY}" }] } }\n';
    const problems = await problemsOf(yaml, { env: { KEY: 'sk-secret\nline' } });
    expect(problems.join()).toMatch(/targets\[0\]\.api_key: holds a character no header may have/);
    expect(problems.join()).not.toContain('sk-secret');
  });
});

describe('an empty variable in a rule of access or a limit', () => {
  test.each([
    ['ip: { allow: "${X}" }', 'ip.allow'],
    ['ip: { deny: "${X:-}" }', 'ip.deny'],
    ['ip: { allow: ["${X}"] }', 'ip.allow[0]'],
    ['ip: "${X}"', 'ip'],
    ['authorize: { permissions: "${X}" }', 'authorize.permissions'],
    ['rate_limit: "${X}"', 'rate_limit'],
    ['rate_limit: { limits: [{ limit: "${X}", window: 1m }] }', 'rate_limit.limits[0].limit'],
    ['rate_limit: { limits: [{ limit: 5, window: 1m, per: "${X}" }] }', 'rate_limit.limits[0].per'],
    ['budget: [{ requests: "${X}", every: day }]', 'budget[0].requests'],
    ['concurrency: "${X}"', 'concurrency'],
    ['concurrency: { limit: 3, queue: { max: "${X}" } }', 'concurrency.queue.max'],
  ])('is an error that names it: %s', async (fields, path) => {
    for (const X of ['', ...(path.endsWith('allow') ? [' , '] : [])]) {
      const problems = await problemsOf(service(fields), { env: { X } });
      expect(problems.join('\n')).toContain(`services.a.${path}: \${X} is empty`);
    }
  });

  test('counts as unset where a default is given, and keeps its meaning where the reference gives it one', async () => {
    const { config } = await loadText(
      service('ip: { allow: "${X:-10.0.0.0/8}" }, cors: { origins: ["https://a"], headers: "${X}" }'),
      {
        env: { X: '' },
      },
    );
    expect(config.routes[0]?.policies.ip).toMatchObject({ allow: ['10.0.0.0/8'] });
    expect(config.routes[0]?.policies.cors).toMatchObject({ headers: [] });
  });
});
