import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { takeProcessLock } from '../../storage/process-lock.ts';
import type { UsageStore } from '../usage-store.ts';
import { readFrames } from './frame.ts';

export interface AdoptOptions {
  readonly folder: string;
  /** Processes whose files are not touched. */
  readonly self: string;
  readonly store: UsageStore;
  /** Files last written before this moment are too old: the database may or may not already have their records. */
  readonly keptSince: number;
  readonly onUnstorable: (text: string, error: unknown) => void;
}

/** The content of the journal of a process that has ended. */
export interface Inheritance {
  readonly instance: string;
  readonly settled: number;
  /** Exchanges that were running when the process ended. */
  readonly estimated: number;
  /** Files that were too old. */
  readonly outdated: number;
}

const BATCH = 500;
const FILE_NAME = /^([0-9a-f]{16})\.(?:lock|\d{8}\.log)$/;

/**
 * Takes over the journals of processes that have ended without bringing them to the database. Exchanges whose end is
 * missing go there as they were estimated at their beginning. Files go when the database has all of them: whoever is
 * interrupted leaves them to the next one, and records that arrive twice count once. Rejects when the database does not
 * answer.
 */
export async function adoptJournals(options: AdoptOptions): Promise<Inheritance[]> {
  const names = await readdir(options.folder).catch(() => []);
  const instances = new Set(names.map((name) => FILE_NAME.exec(name)?.[1]));
  const found: Inheritance[] = [];
  for (const instance of instances) {
    if (instance === undefined || instance === options.self) continue;
    const lock = takeProcessLock(join(options.folder, `${instance}.lock`));
    if (!lock) continue;
    try {
      found.push(await adopt(instance, options));
    } finally {
      lock.release();
    }
  }
  return found;
}

async function adopt(instance: string, options: AdoptOptions): Promise<Inheritance> {
  const { folder, store, keptSince, onUnstorable } = options;
  const isOwn = (name: string): boolean => name.startsWith(`${instance}.`) && name.endsWith('.log');
  // Only now, under the lock: another heir may have been at work since the folder was listed.
  const files = (await readdir(folder)).filter(isOwn).sort();
  const unfinished = new Map<string, string>();
  let settled = 0;
  let outdated = 0;
  for (const name of files) {
    const path = join(folder, name);
    if ((await stat(path)).mtimeMs < keptSince) outdated += 1;
    else settled += await inherit(await readFile(path), unfinished, store, onUnstorable);
  }
  const estimates = [...unfinished.values()];
  for (let i = 0; i < estimates.length; i += BATCH) await store.insert(estimates.slice(i, i + BATCH), onUnstorable);
  for (const name of [...files, `${instance}.lock`]) await rm(join(folder, name), { force: true });
  return { instance, settled, estimated: estimates.length, outdated };
}

/** Stores the settled records of one file and notes which stay open. Returns how many were settled. */
async function inherit(
  bytes: Buffer,
  unfinished: Map<string, string>,
  store: UsageStore,
  onUnstorable: AdoptOptions['onUnstorable'],
): Promise<number> {
  const settled = new Map<string, string>();
  for (const { kind, id, from, to } of readFrames(bytes)) {
    if (kind === 'opened') unfinished.set(id, bytes.toString('latin1', from, to));
    else unfinished.delete(id);
    if (kind === 'settled') settled.set(id, bytes.toString('latin1', from, to));
  }
  const texts = [...settled.values()];
  for (let i = 0; i < texts.length; i += BATCH) await store.insert(texts.slice(i, i + BATCH), onUnstorable);
  return texts.length;
}
