// A configuration is read from a file that several people and tools write: names that JavaScript objects already have
// must be names like any other, or mistakes, and aliases must not blow up.
import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';
import { sendRaw } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
const running: TestGateway[] = [];

beforeAll(async () => {
  upstream = await startRawUpstream(answerOk);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.close()));
});
afterAll(() => upstream.close());

async function start(text: string): Promise<TestGateway> {
  const gateway = await startTestGateway(text);
  running.push(gateway);
  return gateway;
}

/** The start either fails with a report of mistakes or serves with nothing inherited by anybody. */
async function outcomeOf(text: string): Promise<string> {
  const outcome = await start(text).then(
    () => 'started',
    (error: unknown) => (error as Error).name,
  );
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['auth']).toBeUndefined();
  return outcome;
}

const open = (name: string): string => `  ${name}: { url: "${upstream.url}", auth: false }`;

describe('a name of objects', () => {
  test.each([
    'settings: { __proto__: { admin: {} } }',
    'settings: { constructor: { prototype: { auth: false } } }',
    'defaults: { __proto__: { auth: false } }',
    'services:\n  s: { url: "http://127.0.0.1:9", __proto__: { auth: false } }',
    'services:\n  s: { url: "http://127.0.0.1:9", constructor: 1 }',
    'services:\n  s: { url: "http://127.0.0.1:9", rate_limit: { __proto__: { limits: [] } } }',
    '__proto__: { services: {} }',
    'base: &b { auth: false }\nservices:\n  s: { <<: *b, url: "http://127.0.0.1:9" }',
    '"\\u005f_proto__": { services: {} }',
  ])('%j is a mistake, and changes no object', async (text) => {
    expect(await outcomeOf(`${text}\n`)).toBe('ConfigError');
  });

  test.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('%s may name a service', async (name) => {
    const outcome = await outcomeOf(`settings: { ${QUICK_SHUTDOWN} }\nservices:\n${open(name)}\n`);
    if (outcome !== 'started') return expect(outcome).toBe('ConfigError');
    const answer = await sendRaw(running[0]?.url as string, `GET /${name}/x HTTP/1.1\r\nHost: g\r\n\r\n`);
    expect(answer).toMatchObject({ status: 200 });
  });

  test('asked for as a service finds none', async () => {
    const gateway = await start(`settings: { ${QUICK_SHUTDOWN} }\nservices:\n${open('s')}\n`);
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'service/__proto__'])
      expect(await sendRaw(gateway.url, `GET /${name}/x HTTP/1.1\r\nHost: g\r\n\r\n`)).toMatchObject({ status: 404 });
  });
});

describe('a file that grows when it is read', () => {
  test('is a mistake, found quickly', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`,
    );
    const startedAt = performance.now();
    expect(await outcomeOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)).toBe('ConfigError');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('nested deeply is a mistake, not a crash', async () => {
    expect(await outcomeOf(`services: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`)).toBe('ConfigError');
    expect(await outcomeOf(`services: ${'{a: '.repeat(5_000)}1${'}'.repeat(5_000)}\n`)).toBe('ConfigError');
  });
});
