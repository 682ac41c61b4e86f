/**
 * What a hundred parallel logins do to everybody else: p99 of proxied requests with and without them, in turn.
 *
 *   npm --prefix bench run logins -- [--rounds 5] [--rate 200] [--seconds 5] [--cores 0|0,1]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fullPolicies, KEYS } from './gateway-config.ts';
import { freePort, HARNESS_CORE, listening, stop } from './processes.ts';
import { median } from './report.ts';
import { startUpstream } from './systems.ts';

const EMAIL = 'bench@example.com';
const PASSWORD = 'correct-horse-battery-staple';
const PARALLEL = 100;
/** Until the logins have opened their connections. */
const SETTLING_MS = 1500;

interface Sample {
  readonly p50: number;
  readonly p99: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '5' },
    cores: { type: 'string', default: '0' },
  },
});

/** `niceness` keeps one load from slowing the other, which would be taken for the gateway's doing. */
function runPinned(file: string, args: readonly string[], niceness = 0): ChildProcess {
  const program = ['nice', '-n', String(niceness), process.execPath, join(import.meta.dirname, file), ...args];
  return spawn('taskset', ['-c', String(HARNESS_CORE), ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function startGateway(upstream: string, folder: string): Promise<{ child: ChildProcess; url: string }> {
  const config = JSON.parse(fullPolicies(upstream, 0)) as { settings: Record<string, unknown> };
  Object.assign(config.settings, { accounts: { signup: 'open' }, data_dir: folder });
  writeFileSync(join(folder, 'gateway_config.yaml'), JSON.stringify(config));
  const port = await freePort();
  const program = join(import.meta.dirname, '../src/cli/main.ts');
  const args = [
    '--disable-warning=ExperimentalWarning',
    program,
    'start',
    '--config',
    join(folder, 'gateway_config.yaml'),
  ];
  const child = spawn('taskset', ['-c', values.cores, process.execPath, ...args, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SECRET_KEY: 'a-secret-of-the-benchmark-0123456789-abcdef' },
  });
  return listening(child, port);
}

async function measure(url: string): Promise<Sample> {
  const child = runPinned('open-loop.ts', [`${url}/echo/items`, KEYS.valid, values.rate, values.seconds]);
  return JSON.parse(await text(child.stdout as NonNullable<typeof child.stdout>)) as Sample;
}

async function measureWithLogins(url: string): Promise<{ sample: Sample; logins: number }> {
  const load = runPinned('login-load.ts', [url, EMAIL, PASSWORD, String(PARALLEL)], 19);
  const output = text(load.stdout as NonNullable<typeof load.stdout>);
  await sleep(SETTLING_MS);
  const sample = await measure(url);
  load.kill('SIGTERM');
  return { sample, logins: Number(await output) };
}

async function signUp(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ email: EMAIL, password: PASSWORD });
  const res = await fetch(`${url}/v1/auth/signup`, { method: 'POST', headers, body });
  if (res.status !== 201) throw new Error(`sign-up answers ${res.status}: ${await res.text()}`);
}

const folder = mkdtempSync(join(tmpdir(), 'turnpike-bench-'));
const children: ChildProcess[] = [];
try {
  const { child, url } = await startGateway(await startUpstream(folder, children), folder);
  children.push(child);
  await signUp(url);
  await measure(url);
  const rounds: { quiet: Sample; busy: Sample; logins: number }[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const quiet = await measure(url);
    const { sample: busy, logins } = await measureWithLogins(url);
    rounds.push({ quiet, busy, logins });
    const cells = [quiet.p50, quiet.p99, busy.p50, busy.p99].map((ms) => ms.toFixed(2).padStart(8));
    console.log(`p50, p99 quiet ${cells[0]}${cells[1]}   with logins ${cells[2]}${cells[3]} ms   ${logins} logins`);
  }
  const ratioOf = (field: keyof Sample): string =>
    median(rounds.map(({ quiet, busy }) => busy[field] / quiet[field])).toFixed(2);
  console.log(
    `with logins ÷ without: p50 ${ratioOf('p50')}, p99 ${ratioOf('p99')} (≤ 2), gateway on core ${values.cores}`,
  );
} finally {
  await Promise.all(children.map(stop));
  rmSync(folder, { recursive: true, force: true });
}
