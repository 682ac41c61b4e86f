import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const summaryFile = 'coverage/coverage-summary.json';

/** Least percentage of `src` the tests must run. The measured figures are a little higher, so that a fall is noticed. */
const thresholds = { lines: 90, statements: 88, functions: 87, branches: 84 };

type Measure = keyof typeof thresholds;

/**
 * Fails when the whole suite covers less than the thresholds. In CI the suite has just run with coverage: its summary
 * is judged instead of a second run, provided nothing was edited since.
 */
function checkCoverage(): number {
  if (!(process.env['CI'] && isSummaryFresh())) {
    const run = spawnSync('npm', ['test', '--', '--coverage'], { stdio: 'inherit' });
    if (run.status !== 0) return 1;
  }
  const { total } = JSON.parse(readFileSync(summaryFile, 'utf8')) as { total: Record<Measure, { pct: number }> };
  const short = Object.entries(thresholds).filter(([measure, least]) => !(total[measure as Measure].pct >= least));
  for (const [measure, least] of Object.entries(thresholds)) {
    console.log(`coverage: ${measure} ${String(total[measure as Measure].pct)} % (at least ${String(least)} %)`);
  }
  return short.length;
}

function isSummaryFresh(): boolean {
  const written = statSync(summaryFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return ['src', 'tests', 'services'].every((folder) => newestIn(folder) < written);
}

function newestIn(folder: string): number {
  if (!statSync(folder, { throwIfNoEntry: false })) return 0;
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(0, ...files.map((file) => statSync(join(folder, file)).mtimeMs));
}

process.exitCode = checkCoverage() === 0 ? 0 : 1;
