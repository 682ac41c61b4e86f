// Programs that tests run as processes of their own: what another process does to a file cannot be had in this one.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface ChildProgram {
  /** The next line it prints; rejects when it ends first. */
  nextLine(): Promise<string>;
  /** All lines printed and not taken yet. */
  readonly lines: string[];
  kill(): Promise<void>;
}

/** Runs a module's text with `args` in `process.argv` from index 1; `%src%` in it becomes the sources' folder. */
export function runProgram(text: string, args: readonly string[]): ChildProgram {
  const source = text.replaceAll('%src%', `${process.cwd()}/src`);
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', source];
  const child: ChildProcessByStdio<null, Readable, null> = spawn(process.execPath, [...flags, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  return {
    lines,
    nextLine: async () => {
      if (lines.length === 0) await Promise.race([once(reader, 'line'), ended]);
      const line = lines.shift();
      if (line === undefined) throw new Error('The program ended without printing a line.');
      return line;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
