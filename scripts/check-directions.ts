import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';

const folders = ['src', 'services'].filter((folder) => existsSync(folder));

/**
 * Fails on a forbidden import, and also when fewer modules were read than there are source files: without a transpiler
 * that understands TypeScript, dependency-cruiser reads nothing and reports success.
 */
async function checkDirections(): Promise<number> {
  const sources = folders.flatMap(listSources);
  const result = await readImports();
  const seen = new Set(result.modules.map((module) => module.source));
  const unread = sources.filter((source) => !seen.has(source));
  for (const source of unread) console.error(`not read: ${source}`);

  for (const { from, to, rule } of result.summary.violations) {
    console.error(`${rule.severity} ${rule.name}: ${from} → ${to}`);
  }
  for (const name of new Set(result.summary.violations.map((violation) => violation.rule.name))) {
    console.error(`  ${name}: ${reasonFor(result, name)}`);
  }

  const failures = unread.length + result.summary.error;
  console.log(`directions: ${String(sources.length)} files, ${String(failures)} failures`);
  return sources.length === 0 ? 1 : failures;
}

async function readImports(): Promise<ICruiseResult> {
  const { forbidden, options } = await extractConfig('./.dependency-cruiser.cjs');
  const { output } = await cruise(folders, { ...options, ruleSet: { forbidden: forbidden ?? [] }, validate: true });
  if (typeof output === 'string') throw new Error('dependency-cruiser answered with a report instead of its data');
  return output;
}

function listSources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') || name.endsWith('.js'))
    .map((name) => join(folder, name));
}

function reasonFor(result: ICruiseResult, name: string): string {
  return result.summary.ruleSetUsed?.forbidden?.find((rule) => rule.name === name)?.comment ?? '';
}

process.exitCode = (await checkDirections()) === 0 ? 0 : 1;
