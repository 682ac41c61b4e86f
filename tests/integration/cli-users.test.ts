import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hash as hashBcrypt } from '@node-rs/bcrypt';
import { systemClock } from '../../src/lib/clock.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTurnpike } from '../support/turnpike-command.ts';

let folder: string;

beforeEach(() => {
  folder = makeTempDir('cli');
  writeFileSync(join(folder, 'gateway_config.yaml'), 'tiers: { free: {}, pro: {} }\n');
});

afterEach(() => removeTempDir(folder));

function run(args: readonly string[], input?: string): ReturnType<typeof runTurnpike> {
  return runTurnpike(['users', ...args], folder, { DATABASE_URL: `sqlite:${folder}/cli.db` }, input);
}

/** Whether a running gateway would let them in. */
async function canLogIn(email: string, password: string): Promise<boolean> {
  const database = await openDatabase(`sqlite:${folder}/cli.db`);
  const identity = await openIdentity({ database, clock: systemClock, failedAuth: { limit: 60, window: 60_000 } });
  const login = identity.logins.logIn({ email, password, address: '127.0.0.1' });
  const result = await login.then(
    () => true,
    () => false,
  );
  await identity.close();
  await database.close();
  return result;
}

test('users create prints the password it makes, and nothing else, on standard output', async () => {
  const { exit, stdout, stderr } = await run(['create', 'Ada@Example.com', '--tier', 'pro']);
  expect([exit, stdout]).toEqual([0, expect.stringMatching(/^[\w-]{24}$/)]);
  expect(stderr).toMatch(
    /^User usr_\w+ with the address ada@example\.com on tier pro is created\.\nDatabase: sqlite:\S+ \(new\)$/,
  );
  await expect(canLogIn('ada@example.com', stdout)).resolves.toBe(true);
});

test('users create takes the password from standard input, or a hash made elsewhere', async () => {
  const typed = await run(['create', 'ada@example.com', '--password-stdin'], 'correct horse\n');
  expect(typed).toMatchObject({ exit: 0, stdout: '' });
  await expect(canLogIn('ada@example.com', 'correct horse')).resolves.toBe(true);
  const hash = await hashBcrypt('battery staple', { cost: 4 });
  expect(await run(['create', 'bob@example.com', '--password-hash', hash])).toMatchObject({ exit: 0, stdout: '' });
  await expect(canLogIn('bob@example.com', 'battery staple')).resolves.toBe(true);
});

test('users list, set-tier and disable work on users by their address', async () => {
  await run(['create', 'ada@example.com', '--password-stdin'], 'correct horse');
  expect(await run(['set-tier', 'ADA@example.com', 'pro'])).toMatchObject({ exit: 0 });
  expect(await run(['disable', 'ada@example.com'])).toMatchObject({ exit: 0 });
  const { stdout } = await run(['list']);
  expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1, 4))).toEqual([
    ['EMAIL', 'TIER', 'STATUS'],
    ['ada@example.com', 'pro', 'disabled'],
  ]);
  await expect(canLogIn('ada@example.com', 'correct horse')).resolves.toBe(false);
});

test.each([
  [['create', 'nobody'], 'email: must be an e-mail address'],
  [['create', 'ada@example.com', '--tier', 'fre'], 'unknown tier "fre", did you mean "free"?'],
  [['create', 'ada@example.com', '--password-hash', 'plain'], 'The hash must be bcrypt'],
  [['create', 'ada@example.com', '--password-stdin'], 'password: must have 8 to 128 characters'],
  [['set-tier', 'ada@example.com', 'pro'], 'No user has this e-mail address'],
  [['disable', 'ada@example.com'], 'No user has this e-mail address'],
])('users %j ends with 1 and says what is wrong', async (args, mistake) => {
  const { exit, stdout, stderr } = await run(args);
  expect([exit, stdout]).toEqual([1, '']);
  expect(stderr).toContain(mistake);
});
