import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Problem } from '../config-error.ts';
import { FLAG_VARIABLES, type FlagName, type Flags, type Variables } from '../env.ts';
import type { Lookup } from './interpolate.ts';
import { OVERRIDING_VARIABLES } from '../overrides.ts';

const MAX_SECRET_FILE = 65_536;

/** Answers `${NAME}` from the variables and `${file:path}` from disk, and remembers which names were asked for. */
export class VariableLookup implements Lookup {
  readonly asked = new Set<string>();
  private readonly folder: string;
  private readonly variables: Variables;

  /** `folder`: what relative paths of `${file:path}` start from. */
  constructor(folder: string, variables: Variables) {
    this.folder = folder;
    this.variables = variables;
  }

  readonly variable = (name: string): string | undefined => {
    this.asked.add(name);
    return this.variables.get(name)?.value;
  };

  /** The content without its last line end, which editors and `echo` add; `undefined` when unreadable or over 64 KiB. */
  readonly file = (path: string): string | undefined => {
    try {
      const text = readFileSync(resolve(this.folder, path), 'utf8');
      return text.length > MAX_SECRET_FILE ? undefined : text.replace(/\r?\n$/, '');
    } catch {
      return undefined;
    }
  };
}

/** Flags that would change nothing, because the file never names the variable they set. */
export function findIdleFlags(flags: Flags, lookup: VariableLookup): Problem[] {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return given.flatMap(([flag]) => {
    const variable = FLAG_VARIABLES[flag as FlagName];
    if (OVERRIDING_VARIABLES.has(variable) || lookup.asked.has(variable)) return [];
    const message = `has no effect: the configuration does not contain \${${variable}}`;
    return [{ file: 'command line', line: 0, column: 0, path: flag, message }];
  });
}
