import { readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path';

/** As many as Linux follows. */
const MOST_LINKS = 40;

/**
 * The places where a change makes a path lead elsewhere: every folder that holds a symbolic link on the way or the file
 * itself, with the names that matter in it. All folders are free of links themselves.
 */
export async function entriesOnTheWay(files: readonly string[]): Promise<Map<string, Set<string>>> {
  const entries = new Map<string, Set<string>>();
  for (const file of files) await follow(file, entries);
  return entries;
}

async function follow(file: string, entries: Map<string, Set<string>>): Promise<void> {
  const { root } = parse(resolve(file));
  let names = partsOf(resolve(file));
  let at = root;
  for (let links = 0; names.length > 0; ) {
    const [name = '', ...rest] = names;
    names = rest;
    const next = name === '..' ? dirname(at) : join(at, name);
    const target = await readlink(next).catch(() => undefined);
    const isLink = target !== undefined && ++links <= MOST_LINKS;
    if (isLink || rest.length === 0) note(entries, at, name);
    if (!isLink) at = next;
    else {
      names = [...partsOf(target), ...rest];
      if (isAbsolute(target)) at = root;
    }
  }
}

function note(entries: Map<string, Set<string>>, folder: string, name: string): void {
  const names = entries.get(folder) ?? new Set();
  entries.set(folder, names.add(name));
}

function partsOf(path: string): string[] {
  return path.split(sep).filter((part) => part !== '' && part !== '.');
}
