// One command of the real command line program, run to its end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

interface CommandResult {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const program = join(import.meta.dirname, '../../src/cli/main.ts');

/** Runs in `folder` with an environment that holds only PATH, HOME and `env`; `input` is its standard input. */
export async function runTurnpike(
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<CommandResult> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: folder,
    env: { PATH, HOME, ...env },
    timeout: 30_000,
  });
  // A command that does not read may have ended before this is written.
  child.stdin.on('error', () => undefined).end(input);
  const [[exit], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { exit: exit as number | null, stdout: stdout.trim(), stderr: stderr.trim() };
}
