import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

test('docs/architecture.md shows the files that a plain request and a translated chat enter (else run npm run generate)', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'scripts/walk.ts', '--check'],
    { cwd: root, encoding: 'utf8', timeout: 60_000 },
  );
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
}, 60_000);
