import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = makeTempDir('toy-policy');

const SCHEMA = `import { Section } from '../../lib/schema-atoms.ts';
import { Type } from '../../lib/schema-builder.ts';

export const QuietHoursSchema = Section(
  {
    from: Type.Integer({ description: 'First hour (UTC) that is refused.', default: 0, minimum: 0, maximum: 23 }),
    hours: Type.Integer({ description: 'Number of hours.', default: 8, minimum: 1, maximum: 24 }),
  },
  { description: 'Refuses requests during some hours of the day.' },
);
`;

const POLICY = `import { Rejection } from '../../errors/rejection.ts';
import { defineAccessPolicy } from '../policy.ts';
import { QuietHoursSchema } from './schema.ts';

const QUIET = new Rejection('OVERLOADED', 'The service is closed at this hour.');

export const quietHoursPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'quiet_hours',
  schema: QuietHoursSchema,
  errors: ['OVERLOADED'],
  create({ from, hours }, { clock }) {
    const isQuiet = () => (Math.floor(clock.now() / 3_600_000) - from + 24) % 24 < hours;
    return [{ name: 'quiet_hours', decide: () => (isQuiet() ? QUIET : undefined) }];
  },
});
`;

const CONFIG = `settings: { data_dir: . }
routes:
  - { name: quiet, match: { path: /quiet }, respond: { body: in }, quiet_hours: { hours: 24 } }
  - { name: awake, match: { path: /awake }, respond: { body: in } }
`;

/** Starts the copy, and prints how it answers and what it says of the first route. */
const PROGRAM = `import { explainRoute } from './src/config/explain.ts';
import { startGateway } from './src/main.ts';
import { createLogger } from './src/telemetry/logger.ts';

const env = { SERVER_HOST: '127.0.0.1', PORT: '0', DATABASE_URL: 'sqlite:./test.db' };
const log = createLogger({ level: 'fatal', pretty: false, mask: [] });
const running = await startGateway({ file: 'gateway_config.yaml', env, version: '0', log });
const statuses = [];
for (const path of ['/quiet', '/awake']) statuses.push((await fetch(running.url + path)).status);
const explained = explainRoute(running.loaded, running.loaded.config.routes[0]);
process.stdout.write(JSON.stringify({ statuses, explained }), () => process.exit());
`;

beforeAll(() => {
  const isProduct = (path: string) => !/\.(test|long)\.ts$/.test(path);
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true, filter: isProduct });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'gateway_config.yaml'), CONFIG);
  writeFileSync(join(folder, 'program.ts'), PROGRAM);
});
afterAll(() => removeTempDir(folder));

/** One folder, and one line in each of two tables with the import that the line needs. */
function addPolicy(): void {
  const policy = join(folder, 'src/policies/quiet-hours');
  mkdirSync(policy);
  writeFileSync(join(policy, 'schema.ts'), SCHEMA);
  writeFileSync(join(policy, 'quiet-hours.policy.ts'), POLICY);
  addLine(
    'schemas.ts',
    "import { QuietHoursSchema } from './quiet-hours/schema.ts';",
    'export const POLICIES = {',
    "  quiet_hours: { schema: QuietHoursSchema, on: 'routes', off: true },",
  );
  addLine(
    'registry.ts',
    "import { quietHoursPolicy } from './quiet-hours/quiet-hours.policy.ts';",
    'export const ACCESS_ORDER = [',
    "  ['quiet_hours', quietHoursPolicy],",
  );
}

function addLine(file: string, imported: string, table: string, line: string): void {
  const path = join(folder, 'src/policies', file);
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(table);
  writeFileSync(path, `${imported}\n${text.replace(table, `${table}\n${line}`)}`);
}

test('a policy added by the three steps of CONTRIBUTING is configured, explained and obeyed', () => {
  const steps = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').match(/^\d\. \*\*.*$/gm);
  expect(steps).toEqual([
    expect.stringContaining('src/policies/<name>/'),
    expect.stringContaining('src/policies/schemas.ts'),
    expect.stringContaining('src/policies/registry.ts'),
  ]);
  addPolicy();
  const args = ['--disable-warning=ExperimentalWarning', 'program.ts'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  expect(stderr).toBe('');
  const { statuses, explained } = JSON.parse(stdout) as { statuses: number[]; explained: unknown[] };
  expect(statuses).toEqual([503, 200]);
  const origin = expect.stringMatching(/^gateway_config\.yaml:3:/);
  expect(explained).toContainEqual({ key: 'quiet_hours.hours', value: '24', origin });
}, 60_000);
