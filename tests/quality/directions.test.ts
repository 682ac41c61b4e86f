import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');

/** A file that must not pass, its one import, and the rule that must name it. */
const planted: [file: string, specifier: string, rule: string][] = [
  ['src/errors/upward.ts', '../exchange/leaf.ts', 'errors-imports-only-what-is-below'],
  ['src/lib/upward.ts', '../errors/leaf.ts', 'lib-imports-only-what-is-below'],
  ['src/exchange/upward.ts', '../storage/leaf.ts', 'exchange-imports-only-what-is-below'],
  ['src/storage/upward.ts', '../identity/leaf.ts', 'storage-imports-only-what-is-below'],
  ['src/identity/upward.ts', '../policies/auth/leaf.ts', 'identity-imports-only-what-is-below'],
  ['src/usage/upward.ts', '../telemetry/leaf.ts', 'usage-imports-only-what-is-below'],
  ['src/llm/upward.ts', '../upstream/leaf.ts', 'llm-imports-only-what-is-below'],
  ['src/upstream/upward.ts', '../policies/auth/leaf.ts', 'upstream-imports-only-what-is-below'],
  ['src/policies/auth/upward.ts', '../../config/leaf.ts', 'policies-imports-only-what-is-below'],
  ['src/routing/upward.ts', '../storage/leaf.ts', 'routing-imports-only-what-is-below'],
  ['src/telemetry/upward.ts', '../storage/leaf.ts', 'telemetry-imports-only-what-is-below'],
  ['src/config/sideways.ts', '../policies/auth/leaf.ts', 'config-imports-only-what-is-below'],
  ['src/api/upward.ts', '../gateway.ts', 'api-imports-only-what-is-below'],
  ['src/openapi/upward.ts', '../upstream/leaf.ts', 'openapi-imports-only-what-is-below'],
  ['src/edge/upward.ts', '../exchange/leaf.ts', 'edge-imports-only-what-is-below'],
  ['src/counters/upward.ts', '../policies/auth/leaf.ts', 'counters-imports-only-what-is-below'],
  ['src/process/sideways.ts', '../upstream/leaf.ts', 'process-imports-only-what-is-below'],
  ['src/cli/sideways.ts', '../upstream/leaf.ts', 'cli-imports-only-what-is-below'],
  ['src/lib/circle-2.ts', './circle.ts', 'no-cycles'],
  ['src/policies/cors/sideways.ts', '../auth/leaf.ts', 'policies-do-not-know-each-other'],
  ['src/policies/auth/registered.ts', '../registry.ts', 'policies-do-not-know-the-registry'],
  ['src/policies/auth/schema.ts', '../../exchange/leaf.ts', 'a-policy-schema-stands-alone'],
  ['src/telemetry/logger.ts', '../usage/leaf.ts', 'contracts-stay-leaves'],
  ['src/gateway.ts', './main.ts', 'nothing-imports-the-entry-points'],
  ['src/gateway.ts', './storage/leaf.ts', 'the-gateway-is-composed-of-rooms'],
  ['src/composed.ts', './gateway.ts', 'only-entry-points-import-the-gateway'],
  ['services/echo/curious.ts', '../../src/lib/leaf.ts', 'samples-do-not-know-the-gateway'],
  ['src/lib/tested.ts', '../../tests/support/leaf.ts', 'the-product-does-not-know-its-tests'],
  ['src/lib/developed.ts', 'fast-check', 'the-product-runs-without-development-packages'],
  ['src/lib/lost.ts', './nowhere.ts', 'every-import-resolves'],
  ['src/lib/orphan.ts', '', 'no-orphans'],
  ['src/api/door-1.ts', 'yaml', 'one-door-for-yaml'],
  ['src/api/door-2.ts', 'ajv/dist/2020.js', 'one-door-for-ajv'],
  ['src/api/door-3.ts', 'undici', 'one-door-for-undici'],
  ['src/upstream/door-4.ts', 'http-proxy-middleware', 'one-door-for-http-proxy-middleware'],
  ['src/policies/limits/door-5.ts', 'ioredis', 'one-door-for-ioredis'],
  ['src/api/door-6.ts', 'knex', 'one-door-for-sql'],
  ['src/api/door-7.ts', 'pg', 'one-door-for-sql'],
  ['src/policies/retry/door-8.ts', 'opossum', 'one-door-for-opossum'],
  ['src/upstream/door-9.ts', 'p-retry', 'one-door-for-p-retry'],
  ['src/api/door-10.ts', 'prom-client', 'one-door-for-prom-client'],
  ['src/api/door-11.ts', 'pino', 'one-door-for-pino'],
  ['src/policies/cors/door-12.ts', 'express', 'one-door-for-express'],
  ['src/config/door-13.ts', 'commander', 'one-door-for-commander'],
  ['src/gateway.ts', 'close-with-grace', 'one-door-for-close-with-grace'],
  ['src/identity/door-14.ts', 'node:sqlite', 'one-door-for-node-sqlite'],
  ['src/api/door-15.ts', 'typebox', 'one-door-for-typebox'],
];

/** Files the planted ones point at. */
const leaves = [
  ...[
    'errors',
    'lib',
    'exchange',
    'storage',
    'identity',
    'usage',
    'upstream',
    'telemetry',
    'config',
    'policies/auth',
  ].map((folder) => `src/${folder}/leaf.ts`),
  'src/policies/registry.ts',
  'src/main.ts',
  'tests/support/leaf.ts',
];

describe('the import checker', () => {
  let tree: string;
  let report: { status: number | null; stderr: string };

  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'directions-'));
    for (const leaf of leaves) write(leaf, '');
    write('src/lib/circle.ts', "import type {} from './circle-2.ts';\n");
    for (const [file, specifier] of planted) append(file, specifier === '' ? '' : `import '${specifier}';\n`);
    cpSync(join(root, 'package.json'), join(tree, 'package.json'));
    for (const file of ['.dependency-cruiser.cjs', 'scripts/rooms.json']) cpSync(join(root, file), join(tree, file));
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
    report = spawnSync(process.execPath, [join(root, 'scripts/check-directions.ts')], { cwd: tree, encoding: 'utf8' });
  });

  afterAll(() => {
    rmSync(tree, { recursive: true });
  });

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
  }

  /** A file may break several rules. */
  function append(file: string, text: string): void {
    const before = existsSync(join(tree, file)) ? readFileSync(join(tree, file), 'utf8') : '';
    write(file, before + text);
  }

  test.each(planted)('refuses %s importing "%s" by the rule %s', (file, _specifier, rule) => {
    expect(report.stderr).toContain(`error ${rule}: ${file} → `);
  });

  test('exits with a failure', () => {
    expect(report.status).toBe(1);
  });

  test('has a planted case for every rule', async () => {
    const { default: config } = (await import(join(root, '.dependency-cruiser.cjs'))) as {
      default: { forbidden: { name: string }[] };
    };
    // jose is not installed yet, so nothing can be planted behind its door.
    const untestable = ['one-door-for-jose'];
    const proven = new Set([...planted.map(([, , rule]) => rule), ...untestable]);
    expect(config.forbidden.map((rule) => rule.name).filter((name) => !proven.has(name))).toEqual([]);
  });
});
