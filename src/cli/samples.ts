import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** The sample services, running beside a development start in a process that ends with this one. */
export interface Samples {
  /**
   * Resolves when each service listens or has failed to, at the latest after 5 s, with one line for each that does not
   * run. Never rejects: a gateway is of use without them.
   */
  readonly settled: Promise<readonly string[]>;
}

const DEADLINE_MS = 5_000;

/** `undefined` where the sample services are not installed, as in a container image. */
export function startSamples(): Samples | undefined {
  const program = findSamples();
  if (program === undefined) return undefined;
  // The message channel closes however this process ends, and the samples end with it. A group of their own keeps them
  // running while Ctrl-C drains the gateway.
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, '--host', '127.0.0.1'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    detached: true,
  });
  return { settled: settle(child) };
}

/** Beside `src` in a clone, inside `dist` in a package. */
function findSamples(): string | undefined {
  const folders = ['../../services', '../services'];
  return folders
    .map((folder) => join(import.meta.dirname, folder, `start${extname(import.meta.filename)}`))
    .find((file) => existsSync(file));
}

function settle(child: ChildProcess): Promise<readonly string[]> {
  const problems: string[] = [];
  if (child.stderr) createInterface({ input: child.stderr }).on('line', (line) => problems.push(line));
  return new Promise((resolve) => {
    const end = (problem?: string): void => {
      clearTimeout(timer);
      resolve(problem === undefined ? problems : [...problems, problem]);
    };
    const timer = setTimeout(() => end('the sample services are slow to start'), DEADLINE_MS);
    child.once('message', () => end());
    child.once('error', (error) => end(`the sample services did not start: ${error.message}`));
    child.once('exit', () => end('the sample services have ended'));
  });
}
