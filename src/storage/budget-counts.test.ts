import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { makeTempDir, removeTempDir } from '../../tests/support/temp-dir.ts';
import { BudgetCounts } from './budget-counts.ts';
import { openDatabase } from './database.ts';
import { migrateDatabase } from './migrate.ts';

const HOUR_MS = 3_600_000;

test('a count that has left memory begins anew from all that was used, until its period is over', async () => {
  const folder = makeTempDir('budget-counts');
  const database = await openDatabase(`sqlite:${join(folder, 'test.db')}`);
  await migrateDatabase(database);
  let now = 0;
  const open = (): Promise<BudgetCounts> => BudgetCounts.open(database, () => now);
  const first = await open();
  first.add('day', 24 * HOUR_MS, 5);
  await first.close();
  const second = await open();
  expect(second.usedBefore('day')).toBe(5);
  second.add('day', 24 * HOUR_MS, 4);
  second.add('day', 24 * HOUR_MS, -1);
  expect(second.usedBefore('day')).toBe(8);
  await second.close();
  now = 24 * HOUR_MS;
  second.add('next', 48 * HOUR_MS, 1);
  await second.close();
  expect([second.usedBefore('day'), second.usedBefore('next')]).toEqual([0, 1]);
  await database.close();
  removeTempDir(folder);
});
