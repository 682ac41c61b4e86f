/** One family of one or several expositions, its samples added up or compared. */
interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: Map<string, number>;
}

type Combine = (a: number, b: number) => number;

const add: Combine = (a, b) => a + b;

/** Gauges that are no amounts: of these the worst or the only value counts. All others add up. */
const COMPARED: readonly (readonly [RegExp, Combine])[] = [
  [/^gateway_(circuit_state|degraded|config_info)$/, Math.max],
  [/^(nodejs_eventloop_lag_|nodejs_version_info|process_max_fds)/, Math.max],
  [/^gateway_(target_healthy|store_up|config_reload_success)$/, Math.min],
  [/^process_start_time_seconds$/, Math.min],
];

const END = '# EOF';

/**
 * The expositions of several processes as if they were one, in the format they are all in. Of `departed` processes, those
 * that have ended, only what never falls is counted: otherwise sums would fall with each of them, which Prometheus takes
 * for a start from zero.
 */
export function mergeExpositions(present: readonly string[], departed: readonly string[] = []): string {
  const families = new Map<string, Family>();
  for (const text of present) addAll(families, text, () => true);
  for (const text of departed) addAll(families, text, (type) => type !== 'gauge');
  const isOpenMetrics = present.some((text) => text.trimEnd().endsWith(END));
  const texts = [...families].map(([name, family]) => render(name, family));
  return texts.join('') + (isOpenMetrics ? `${END}\n` : '');
}

function addAll(families: Map<string, Family>, text: string, counts: (type: string) => boolean): void {
  let help = '';
  let family: Family | undefined;
  let combine = add;
  for (const line of text.split('\n')) {
    if (line.startsWith('# HELP ')) help = line;
    else if (line.startsWith('# TYPE ')) {
      const [name = '', type = ''] = line.slice('# TYPE '.length).split(' ');
      family = counts(type) ? open(families, name, { help, type }) : undefined;
      combine = COMPARED.find(([names]) => names.test(name))?.[1] ?? add;
    } else if (family && line !== '' && !line.startsWith('#')) addSample(family, line, combine);
  }
}

function open(families: Map<string, Family>, name: string, head: Omit<Family, 'samples'>): Family {
  const family = families.get(name) ?? { ...head, samples: new Map<string, number>() };
  families.set(name, family);
  return family;
}

/** Labels may hold spaces; the value does not. */
function addSample({ samples }: Family, line: string, combine: Combine): void {
  const end = line.lastIndexOf(' ');
  const series = line.slice(0, end);
  const value = Number(line.slice(end + 1));
  const known = samples.get(series);
  samples.set(series, known === undefined ? value : combine(known, value));
}

function render(name: string, { help, type, samples }: Family): string {
  const lines = [...samples].map(([series, value]) => `${series} ${value}\n`);
  return `${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
