import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/storage/database.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { UsageStore } from '../../src/usage/usage-store.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTurnpike } from '../support/turnpike-command.ts';
import { NOON, recordText } from '../support/usage-records.ts';

let folder: string;
let address: string;

beforeEach(async () => {
  folder = makeTempDir('cli');
  address = `sqlite:${folder}/cli.db`;
  writeFileSync(join(folder, 'gateway_config.yaml'), 'services: { service1: { url: "http://127.0.0.1:9" } }\n');
  const database = await openDatabase(address);
  await migrateDatabase(database);
  const spent = { startedAt: NOON + 86_400_000, costNanoUsd: 1_250_000_000 };
  const texts = [recordText(1), recordText(2, spent), recordText(3, { consumer: '=1+1', status: 500 })];
  await new UsageStore(database).insert(texts, () => undefined);
  await database.close();
});

afterEach(() => removeTempDir(folder));

function run(...args: string[]): ReturnType<typeof runTurnpike> {
  return runTurnpike(['usage', ...args], folder, { DATABASE_URL: address });
}

const KINDS = ['cached_tokens', 'cache_write_tokens', 'reasoning_tokens'];

test('usage prints sums as a table or as CSV, and names what it does not understand', async () => {
  const [table, csv, wrong, unknown] = await Promise.all([
    run('--by', 'consumer,day', '--from', '2026-01-16'),
    run('--csv'),
    run('--by', 'colour'),
    run('--consumer', 'acne'),
  ]);
  expect(table).toMatchObject({ exit: 0, stderr: `Database: ${address}` });
  expect(table.stdout.split('\n').map((line) => line.split(/\s+/))).toEqual([
    [
      'day',
      'consumer',
      'requests',
      'failures',
      'estimated',
      'input_tokens',
      'output_tokens',
      'cost_usd',
      ...KINDS,
      'consumer_name',
    ],
    ['2026-01-16', 'acme', '1', '0', '0', '10', '5', '1.25', '0', '0', '0', '-'],
  ]);
  expect(csv.stdout.split('\r\n').slice(1)).toEqual([
    "'=1+1,1,1,0,10,5,0.000001,0,0,0,",
    'acme,2,0,0,20,10,1.250001,0,0,0,',
  ]);
  expect(wrong).toMatchObject({ exit: 1, stderr: '--by takes day, consumer, service, model, not "colour"' });
  expect(unknown).toMatchObject({ exit: 1, stdout: '', stderr: 'No consumer has this id or name.' });
});

test('a command that only reads makes no database', async () => {
  const missing = join(folder, 'elsewhere', 'turnpike.db');
  const { exit, stderr } = await runTurnpike(['usage'], folder, { DATABASE_URL: `sqlite:${missing}` });
  expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringContaining(`no database at sqlite:${missing}`) });
  expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
});
