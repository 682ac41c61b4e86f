/** Prints how the source is cut: `node scripts/house-figures.ts`. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';

const src = resolve(import.meta.dirname, '../src');

interface Source {
  readonly lines: number;
  readonly imports: ReadonlySet<string>;
}

const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

function readSources(): Map<string, Source> {
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts') && !/\.(test|long)\.ts$/.test(name));
  return new Map(files.map((file) => [file, readSource(file)]));
}

function readSource(file: string): Source {
  const text = readFileSync(join(src, file), 'utf8');
  const imports = [...text.matchAll(IMPORT)].map(([, path]) => normalize(join(dirname(file), String(path))));
  return { lines: text.split('\n').length - 1, imports: new Set(imports) };
}

/** Files that can be reached from themselves, by type too. */
function filesInCycles(sources: ReadonlyMap<string, Source>): string[] {
  return [...sources.keys()].filter((start) => {
    const seen = new Set<string>();
    const next = [...(sources.get(start)?.imports ?? [])];
    for (let file = next.pop(); file !== undefined; file = next.pop()) {
      if (file === start) return true;
      if (seen.has(file)) continue;
      seen.add(file);
      next.push(...(sources.get(file)?.imports ?? []));
    }
    return false;
  });
}

function countBy(items: Iterable<string>): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a);
}

function printFigures(): void {
  const sources = readSources();
  const lines = [...sources.values()].map((source) => source.lines).toSorted((a, b) => a - b);
  const at = (part: number): string => String(lines[Math.floor((lines.length - 1) * part)]);
  const importers = new Map(countBy([...sources.values()].flatMap(({ imports }) => [...imports])));
  const alone = [...sources.keys()].filter((file) => importers.get(file) === 1).length;
  const rows = [
    ['files', String(sources.size)],
    ['lines per file: median / p90 / max', `${at(0.5)} / ${at(0.9)} / ${at(1)}`],
    ['files under 12 lines', String(lines.filter((count) => count < 12).length)],
    ['files with one importer', `${String(alone)} (${((100 * alone) / sources.size).toFixed(0)} %)`],
    [
      'largest folders',
      countBy([...sources.keys()].map(dirname))
        .slice(0, 5)
        .map(([name, count]) => `${name} ${String(count)}`)
        .join(', '),
    ],
    ['files in an import cycle, types included', String(filesInCycles(sources).length)],
  ];
  for (const [name, value] of rows) console.log(`${String(name).padEnd(42)} ${String(value)}`);
}

printFigures();
