import { registerHooks } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENTER, type FunctionEntry, markFunctions } from './mark-functions.ts';

const source = join(import.meta.dirname, '../../src');

/** Every function of `src/` that is entered while a recording runs. */
export class Recorder {
  private readonly functions: FunctionEntry[] = [];
  private entered: number[] | undefined;

  /** Marks what is imported from now on: `src/` must not have been loaded before. */
  constructor() {
    (globalThis as Record<string, unknown>)[ENTER] = (index: number) => this.entered?.push(index);
    registerHooks({
      load: (url, context, nextLoad) => {
        const loaded = nextLoad(url, context);
        if (loaded.format !== 'module-typescript' || !loaded.source) return loaded;
        const file = fileURLToPath(url);
        if (!file.startsWith(source)) return loaded;
        const name = relative(source, file).replace(/\.ts$/, '');
        const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
        return { ...loaded, source: markFunctions(text, name, this.functions) };
      },
    });
  }

  start(): void {
    this.entered = [];
  }

  stop(): readonly FunctionEntry[] {
    const entered = this.entered ?? [];
    this.entered = undefined;
    return entered.flatMap((index) => this.functions[index] ?? []);
  }
}
