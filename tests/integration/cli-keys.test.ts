// Keys from the command line, over the database that a running gateway uses.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startEcho } from '../../services/echo/server.ts';
import type { RunningService } from '../../services/http-service.ts';
import { type CliRun, runCli } from '../support/cli.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

let echo: RunningService;
let gateway: GatewayProcess;

beforeAll(async () => {
  echo = await startEcho({ port: 0 });
  gateway = await startGatewayProcess({
    config: `tiers: { free: {} }\nservices:\n  echo:\n    url: "${echo.url}"\n    rate_limit: 1000\n`,
  });
});
afterAll(async () => {
  await gateway?.stop();
  await echo.close();
});

const keys = (...args: string[]): Promise<CliRun> => runCli(gateway.folder, ['keys', ...args]);

async function create(...args: string[]): Promise<{ key: string; id: string }> {
  const { code, stdout, stderr } = await keys('create', '--owner', 'alice', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^Key \w{8} of alice/) });
  const key = stdout.trimEnd();
  return { key, id: key.split('_')[2]?.slice(0, 8) ?? '' };
}

const call = (key: string): Promise<Response> => fetch(`${gateway.url}/echo/`, { headers: { 'x-api-key': key } });

/** Within the 2 s that are promised. */
function expectSoon(key: string, status: number): Promise<true> {
  const what = `${status} for the key`;
  return until(async () => (await call(key)).status === status, { timeoutMs: 2000, what });
}

test('a created key is the only thing on standard output and is accepted within 2 s', async () => {
  const { key } = await create();
  expect(key).toMatch(/^sk_live_\w{46}$/);
  await expectSoon(key, 200);
});

test('a key for a tier that the configuration does not know is not made', async () => {
  const { code, stderr } = await keys('create', '--owner', 'carol', '--tier', 'fre');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('unknown tier "fre", did you mean "free"?'),
  });
});

test('a created key may have a budget, and a wrong one is told', async () => {
  const { key } = await create('--budget-usd', '2.5', '--budget-tokens', '9000', '--every', 'day');
  await expectSoon(key, 200);
  const { budgets } = (await (await fetch(`${gateway.url}/v1/usage`, { headers: { 'x-api-key': key } })).json()) as {
    budgets: object[];
  };
  expect(budgets).toMatchObject([
    { name: 'key:cost_usd:day', limit: 2.5 },
    { name: 'key:tokens:day', limit: 9000 },
  ]);
  const wrong = await keys('create', '--owner', 'carol', '--budget-usd', '2', '--every', 'week');
  expect({ code: wrong.code, stderr: wrong.stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('budget[0].every: must be one of request, day, month'),
  });
});

test('a revoked key is refused within 2 s', async () => {
  const { key, id } = await create('--env', 'test');
  await expectSoon(key, 200);
  expect((await keys('revoke', id)).code).toBe(0);
  await expectSoon(key, 401);
});

test('a rotation without grace ends the old key and its successor keeps the limit', async () => {
  const { key, id } = await create('--rate-limit', '7/1h');
  await expectSoon(key, 200);
  const { stdout: successor } = await keys('rotate', id, '--grace', '0s');
  await expectSoon(key, 401);
  await expectSoon(successor.trimEnd(), 200);
  expect((await call(successor.trimEnd())).headers.get('x-ratelimit-limit')).toBe('7');
});

test('the list names every key with its state and shows none', async () => {
  const { key, id } = await create('--name', 'list-me', '--expires-in', '30d');
  const { stdout } = await keys('list');
  const line = stdout.split('\n').find((each) => each.startsWith(id));
  expect(line).toMatch(/^\w{8} +sk_live_\w{8} +alice +list-me +active +\S+Z +\S+Z +-$/);
  expect(stdout).not.toContain(key);
});

test('a key that does not exist is one line and exit code 1', async () => {
  const { code, stderr } = await keys('revoke', 'nobody');
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'No API key has this id, prefix or name.\n' });
});

test('a key goes by its prefix or its name, a consumer by its name, and an ambiguous word lists the candidates', async () => {
  const [one, two] = [await create('--name', 'twin'), await create('--name', 'twin')];
  const ambiguous = await keys('revoke', 'twin');
  expect(ambiguous.code).toBe(1);
  for (const { id } of [one, two]) expect(ambiguous.stderr).toContain(`${id} (sk_live_${id}… of alice)`);
  expect((await keys('revoke', `sk_live_${one.id}`)).code).toBe(0);
  expect((await keys('revoke', 'twin')).stderr).toContain(`sk_live_${two.id}… of alice is revoked`);
  const { stdout } = await runCli(gateway.folder, ['consumers', 'show', 'alice', '--json']);
  const shown = JSON.parse(stdout) as { keys: { id: string }[] };
  expect(shown.keys.map(({ id }) => id)).toEqual(expect.arrayContaining([one.id, two.id]));
  const { key } = await create();
  expect((await runCli(gateway.folder, ['consumers', 'block', 'alice'])).code).toBe(0);
  await expectSoon(key, 401);
  expect((await runCli(gateway.folder, ['consumers', 'unblock', 'alice'])).code).toBe(0);
  await expectSoon(key, 200);
});
