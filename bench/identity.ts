/**
 * What it costs to find out who calls, in this process and over SQLite: a key and a token that are known, a key that has
 * to be read, and a login's password. CPU of all threads, median of the rounds.
 *
 *   npm --prefix bench run identity -- [--rounds 7]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { generateApiKey, hashApiKey } from '../src/identity/api-key-format.ts';
import { openIdentity } from '../src/identity/identity.ts';
import { Passwords } from '../src/identity/users/passwords.ts';
import { systemClock } from '../src/lib/clock.ts';
import { Secret } from '../src/lib/secret.ts';
import { openDatabase } from '../src/storage/database.ts';
import { migrateDatabase } from '../src/storage/migrate.ts';
import { median } from './report.ts';

const BY = { actor: 'benchmark', address: undefined, requestId: undefined };
const FROM = '127.0.0.1';
const COLD_KEYS = 20_000;
const FIRST_USES = 1000;

interface Row {
  readonly name: string;
  readonly target: string;
  readonly count: number;
  /** Does the thing `count` times. */
  run(count: number): void | Promise<void>;
}

async function cpuPerUse({ run, count }: Row): Promise<number> {
  const before = process.cpuUsage();
  await run(count);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Keys as they stand in the database, without the transaction each of them would be issued with. */
async function storeKeys(knex: Knex, count: number, like: string): Promise<string[]> {
  const texts = Array.from({ length: count }, () => generateApiKey('live').text);
  const template = await knex('api_keys')
    .where({ hash: hashApiKey(like) })
    .first();
  const rows = texts.map((text) => ({ ...template, id: text.slice(8, 24), hash: hashApiKey(text) }));
  await knex.batchInsert('api_keys', rows, 500);
  return texts;
}

function report({ name, target }: Row, cpu: readonly number[]): void {
  console.log(`${name.padEnd(52)}${median(cpu).toFixed(2).padStart(12)} µs   ${target}`);
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
const folder = mkdtempSync(join(tmpdir(), 'turnpike-bench-'));
const database = await openDatabase(`sqlite:${join(folder, 'bench.db')}`);
await migrateDatabase(database);
const identity = await openIdentity({
  database,
  clock: systemClock,
  failedAuth: { limit: 1_000_000, window: 60_000 },
  developmentSecret: new Secret('a-secret-of-the-benchmark-0123456789-abcdef'),
});
const { directory, keys, tokens } = identity;
const { apiKey } = await keys.issue({ owner: 'measured' }, BY);
const { token } = await tokens.issuer.issueAccess({ consumer: { id: 'measured' } });
const cold = await storeKeys(database.knex, COLD_KEYS, apiKey);
const passwords = new Passwords();
const hash = await passwords.hash('correct-horse-battery-staple');

const rows: readonly Row[] = [
  {
    name: 'key, known',
    target: '≤ 5',
    count: 200_000,
    run: async (count) => {
      await directory.find(apiKey, FROM);
      for (let i = 0; i < count; i += 1) void directory.find(apiKey, FROM);
    },
  },
  {
    name: 'token, known',
    target: '≤ 5',
    count: 200_000,
    run: async (count) => {
      await tokens.directory.find(token, FROM);
      for (let i = 0; i < count; i += 1) void tokens.directory.find(token, FROM);
    },
  },
  {
    name: 'key, first use, one after the other',
    target: 'one query',
    count: 500,
    run: async (count) => {
      for (const key of cold.splice(0, count)) await directory.find(key, FROM);
    },
  },
  {
    name: `key, first use by ${FIRST_USES} requests at once`,
    target: 'one query for all',
    count: FIRST_USES,
    run: async (count) => {
      const [key = ''] = cold.splice(0, 1);
      await Promise.all(Array.from({ length: count }, async () => directory.find(key, FROM)));
    },
  },
  {
    name: 'password of a login',
    target: 'off the event loop, at low priority',
    count: 10,
    run: async (count) => {
      for (let i = 0; i < count; i += 1) await passwords.verify('correct-horse-battery-staple', hash, () => undefined);
    },
  },
];

try {
  console.log(`${'CPU of all threads per use'.padEnd(52)}${'median'.padStart(12)}`);
  for (const row of rows) {
    await cpuPerUse(row);
    const cpu: number[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) cpu.push(await cpuPerUse(row));
    report(row, cpu);
  }
} finally {
  await identity.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}
