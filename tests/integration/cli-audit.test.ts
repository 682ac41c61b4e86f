import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { AuditSealer } from '../../src/identity/audit/sealer.ts';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTurnpike } from '../support/turnpike-command.ts';

let folder: string;
let database: Database | undefined;

beforeEach(() => {
  folder = makeTempDir('cli');
  writeFileSync(join(folder, 'gateway_config.yaml'), 'services: { service1: { url: "http://127.0.0.1:9" } }\n');
});

afterEach(async () => {
  await database?.close();
  database = undefined;
  removeTempDir(folder);
});

function run(...args: string[]): ReturnType<typeof runTurnpike> {
  return runTurnpike(args, folder, { DATABASE_URL: `sqlite:${folder}/cli.db` });
}

async function openSealed(): Promise<Database> {
  database = await openDatabase(`sqlite:${folder}/cli.db`);
  const sealer = new AuditSealer(database);
  await sealer.seal();
  await sealer.close();
  return database;
}

test('audit verify prints the head of a whole chain, and ends with 1 naming the first broken row', async () => {
  expect(await run('keys', 'create', '--owner', 'alice')).toMatchObject({ exit: 0 });
  expect(await run('audit', 'verify')).toMatchObject({ exit: 0, stdout: `0:${'0'.repeat(64)}` });
  const { knex } = await openSealed();
  const whole = await run('audit', 'verify');
  expect(whole).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^2:[0-9a-f]{64}$/) });
  await knex.raw('drop trigger audit_log_seal');
  await knex('audit_log').where({ position: 2 }).update({ actor: 'nobody' });
  const broken = await run('audit', 'verify');
  expect(broken.exit).toBe(1);
  expect(broken.stderr).toMatch(/^The audit log is broken at position 2: row 2 \(key\.issue of \w{8} by nobody, .+\)/);
  await knex.raw('drop trigger audit_log_keep');
  await knex('audit_log').where({ position: 2 }).del();
  expect(await run('audit', 'verify')).toMatchObject({ exit: 0 });
  const cut = await run('audit', 'verify', '--anchor', whole.stdout);
  expect(cut).toMatchObject({ exit: 1, stderr: expect.stringContaining('position 2: the row is missing') });
});

test('commands are on record under the name of the user who ran them', async () => {
  await run('keys', 'create', '--owner', 'alice');
  const { knex } = await openSealed();
  expect(await knex('audit_log').distinct('actor').pluck('actor')).toEqual([`cli:${userInfo().username}`]);
});

test.each([
  ['sk_test', /^sk_test_[0-9A-Za-z]{46}$/],
  ['sk', /^sk_live_[0-9A-Za-z]{46}$/],
  ['acme_dev', /^acme_dev_[0-9A-Za-z]{46}$/],
])('keys generate --prefix %s prints such a key, and its hash as the configuration wants it', async (prefix, form) => {
  const { exit, stdout, stderr } = await run('keys', 'generate', '--prefix', prefix);
  expect(exit).toBe(0);
  expect(stdout).toMatch(form);
  expect(stderr).toContain(`- { hash: "sha256:${createHash('sha256').update(stdout).digest('hex')}" }`);
});

test('keys generate refuses a prefix that would not survive a header', async () => {
  expect(await run('keys', 'generate', '--prefix', 'a b')).toMatchObject({ exit: 1, stdout: '' });
});
