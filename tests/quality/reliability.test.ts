import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { DECLINED, MUST_PASS, PROMISES } from '../../scripts/reliability-rows.ts';

const root = resolve(import.meta.dirname, '../..');

test('every test and every record that the page of reliability names exists', () => {
  const named = [
    ...[...PROMISES, ...MUST_PASS].flatMap(({ tests }) => tests),
    ...DECLINED.map(({ record }) => `docs/decisions/${record}`),
  ];
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((path) => !existsSync(resolve(root, path)))).toEqual([]);
});
