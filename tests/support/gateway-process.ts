// The real command line program as a child process: configuration text in, address out.
import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectNoLeak, secretsOfEnvironment } from './secret-leaks.ts';
import { type ServerProcess, spawnServer } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

interface GatewayProcessOptions {
  /** The text of gateway_config.yaml. */
  config: string;
  /** Added to an environment that holds only PATH, HOME and MASTER_KEY. */
  env?: Record<string, string>;
  /** Added after `start --config <file> --port 0`. */
  args?: string[];
  /** How long a start may take; default 15 s. */
  timeoutMs?: number;
}

export interface GatewayProcess {
  /** `http://127.0.0.1:<port>`, of the latest start. */
  readonly url: string;
  readonly masterKey: string;
  /** Its working folder, which holds gateway_config.yaml and the data; removed by `stop`. */
  readonly folder: string;
  /** The lines of stdout and stderr since the latest start. */
  readonly lines: readonly string[];
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Replaces gateway_config.yaml in one step, as deployment tools do, so that no half of it can be read. */
  writeConfig(text: string): void;
  signal(signal: NodeJS.Signals): void;
  /** Makes a key with the master key and resolves with it. */
  generateKey(owner: string, fields?: Record<string, unknown>): Promise<string>;
  /** SIGKILL; the folder stays for `restart`. */
  kill(): Promise<void>;
  /** Starts it again in the same folder, on a new port, killing it first when it still runs. */
  restart(): Promise<void>;
  /**
   * Ends it, at once unless another signal is given, removes the folder and resolves with the exit code. Rejects when a
   * secret stands in what it logged.
   */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

const program = join(import.meta.dirname, '../../src/cli/main.ts');
const readyPattern = /listening on (https?:\/\/[^\s"]+)/;

/** Resolves when the gateway listens; rejects with its output when it ends before that. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const folder = makeTempDir('gateway');
  const masterKey = options.env?.['MASTER_KEY'] ?? `mk_${randomBytes(24).toString('base64url')}`;
  const writeConfig = (text: string) => replaceFile(join(folder, 'gateway_config.yaml'), text);
  const start = () => spawnGateway(folder, options, masterKey);
  writeConfig(options.config);
  let running: ServerProcess;
  try {
    running = await start();
  } catch (error) {
    removeTempDir(folder);
    throw error;
  }
  const urlOf = ({ readyLine }: ServerProcess) => readyPattern.exec(readyLine)?.[1] ?? '';
  return {
    masterKey,
    folder,
    writeConfig,
    get url() {
      return urlOf(running);
    },
    get lines() {
      return running.lines;
    },
    get exited() {
      return running.exited;
    },
    signal: (signal) => running.signal(signal),
    generateKey: (owner, fields) => generateKey(urlOf(running), masterKey, { owner, ...fields }),
    kill: async () => void (await running.end('SIGKILL')),
    restart: async () => {
      await running.end('SIGKILL');
      running = await start();
    },
    stop: async (signal = 'SIGKILL') => {
      const code = await running.end(signal, 30_000);
      removeTempDir(folder);
      // The banner of a development start shows keys because it is meant to; the log is JSON.
      const log = running.lines.filter((line) => line.startsWith('{'));
      expectNoLeak('the log', log, [masterKey, ...secretsOfEnvironment(options.env ?? {})]);
      return code;
    },
  };
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function spawnGateway(folder: string, options: GatewayProcessOptions, masterKey: string): Promise<ServerProcess> {
  const { PATH = '', HOME = '' } = process.env;
  return spawnServer({
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      program,
      ...['start', '--config', join(folder, 'gateway_config.yaml'), '--port', '0'],
      ...(options.args ?? []),
    ],
    cwd: folder,
    env: { PATH, HOME, MASTER_KEY: masterKey, ...options.env },
    ready: readyPattern,
    timeoutMs: options.timeoutMs ?? 15_000,
  });
}

async function generateKey(url: string, masterKey: string, body: object): Promise<string> {
  const res = await fetch(`${url}/admin/generate_key`, {
    method: 'POST',
    headers: { 'x-master-key': masterKey, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await res.json()) as { api_key?: string };
  if (answer.api_key === undefined) throw new Error(`No key: ${res.status} ${JSON.stringify(answer)}`);
  return answer.api_key;
}
