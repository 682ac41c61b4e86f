import type { Sample } from './load.ts';

export interface Row {
  readonly name: string;
  readonly missing?: string | undefined;
  /** One sample per round, in the order of the rounds; empty when missing. */
  readonly samples: readonly Sample[];
}

interface Comparison {
  readonly title: string;
  readonly of: string;
  readonly over: string;
  /** Throughput of the one ÷ the other, or CPU per request of the one ÷ the other. */
  readonly by: 'requestsPerSecond' | 'cpuPerRequest';
  readonly target: string;
}

const FULL = 'Turnpike: full policies, Redis';
const EXPRESS = 'Express + http-proxy-middleware, bare';

const COMPARISONS: readonly Comparison[] = [
  {
    title: 'full policies ÷ Express + http-proxy-middleware',
    of: FULL,
    over: EXPRESS,
    by: 'requestsPerSecond',
    target: '≥ 1.0, aim ≥ 1.4',
  },
  {
    title: 'full policies ÷ node:http + undici',
    of: FULL,
    over: 'node:http + undici, bare',
    by: 'requestsPerSecond',
    target: '≥ 0.5',
  },
  { title: 'memory ÷ Redis', of: 'Turnpike: full policies, memory', over: FULL, by: 'requestsPerSecond', target: '' },
  {
    title: '10,000 routes ÷ 10 routes',
    of: 'Turnpike: full policies, memory, 10,000 routes',
    over: 'Turnpike: full policies, memory, 10 routes',
    by: 'requestsPerSecond',
    target: '≥ 0.95',
  },
  {
    title: 'CPU of a 401 ÷ of a success',
    of: 'Turnpike: refused: unknown key, 401',
    over: FULL,
    by: 'cpuPerRequest',
    target: '≤ 0.45',
  },
  {
    title: 'CPU of a 429 ÷ of a success',
    of: 'Turnpike: refused: limit, 429',
    over: FULL,
    by: 'cpuPerRequest',
    target: '≤ 0.45',
  },
  {
    title: 'A/A',
    of: 'Turnpike: full policies, Redis (again)',
    over: FULL,
    by: 'requestsPerSecond',
    target: '1.00 ± 0.03',
  },
];

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** One line per system: medians over the rounds. */
export function systemTable(rows: readonly Row[], ceiling: number): string {
  const lines = rows.map(({ name, missing, samples }) => {
    if (missing !== undefined) return `${name.padEnd(46)} missing: ${missing}`;
    if (samples.length === 0) return `${name.padEnd(46)} failed`;
    const rate = medianOf(samples, 'requestsPerSecond');
    const cells = [rate.toFixed(0), medianOf(samples, 'cpuPerRequest').toFixed(1), medianOf(samples, 'p50').toFixed(2)];
    const note = rate > 0.7 * ceiling ? '  bound by the harness: read the CPU only' : '';
    return `${name.padEnd(46)}${[...cells, medianOf(samples, 'p99').toFixed(2)].map((cell) => cell.padStart(10)).join('')}${note}`;
  });
  const head = `${'system'.padEnd(46)}${['req/s', 'CPU µs', 'p50 ms', 'p99 ms'].map((cell) => cell.padStart(10)).join('')}`;
  return [head, ...lines, `${'harness ceiling (upstream alone)'.padEnd(46)}${ceiling.toFixed(0).padStart(10)}`].join(
    '\n',
  );
}

/** Each ratio is the median of the ratios within a round, which a slow minute of the machine does not bend. */
export function ratioTable(rows: readonly Row[]): string {
  return ratios(rows)
    .map(({ title, ratio, target }) => `${title.padEnd(52)}${ratio.toFixed(2).padStart(6)}   ${target}`)
    .join('\n');
}

/** Says when a run proves nothing: one process measured twice must equal itself, or something else used the cores. */
export function verdict(rows: readonly Row[]): string {
  const selfRatio = ratios(rows).find(({ title }) => title === 'A/A')?.ratio ?? 1;
  const isQuiet = Math.abs(selfRatio - 1) <= 0.03;
  return isQuiet ? '' : `The machine was not quiet (A/A ${selfRatio.toFixed(2)}): do not quote these figures.\n`;
}

export function ratios(rows: readonly Row[]): { title: string; ratio: number; target: string }[] {
  return COMPARISONS.flatMap(({ title, of, over, by, target }) => {
    const [dividend, divisor] = [of, over].map((name) => rows.find((row) => row.name === name)?.samples ?? []);
    const perRound = (dividend ?? []).map((sample, round) => sample[by] / (divisor?.[round]?.[by] ?? Number.NaN));
    return perRound.length === 0 || divisor?.length === 0 ? [] : [{ title, ratio: median(perRound), target }];
  });
}

function medianOf(samples: readonly Sample[], field: keyof Sample): number {
  return median(samples.map((sample) => sample[field]));
}
