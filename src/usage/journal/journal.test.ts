import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type ManualClock, makeManualClock } from '../../../tests/support/manual-clock.ts';
import { until } from '../../../tests/support/poll.ts';
import { makeTempDir, removeTempDir } from '../../../tests/support/temp-dir.ts';
import { recordId, recordText } from '../../../tests/support/usage-records.ts';
import { readFrames } from './frame.ts';
import { type Entry, Journal } from './journal.ts';

const MINUTE_MS = 60_000;

let folder: string;
let clock: ManualClock;
let writable: boolean[];
let opened: Journal[];

beforeEach(() => {
  folder = makeTempDir('journal');
  clock = makeManualClock();
  writable = [];
  opened = [];
});

afterEach(() => {
  for (const journal of opened) journal.end();
  removeTempDir(folder);
});

function open(mostBytes = 1024 * 1024): Journal {
  const options = { folder: join(folder, 'usage'), clock, mostBytes: () => mostBytes };
  const journal = new Journal({ ...options, onWritable: (isWritable) => writable.push(isWritable) });
  opened.push(journal);
  return journal;
}

function begin(journal: Journal, n: number): Entry {
  expect(journal.accepts()).toBe(true);
  const entry: Entry = { id: recordId(n), text: recordText(n), segment: undefined, position: 0 };
  journal.open(entry);
  return entry;
}

function onFile(): string[] {
  const files = readdirSync(join(folder, 'usage')).filter((name) => name.endsWith('.log'));
  return files.toSorted().flatMap((name) => {
    const frames = [...readFrames(readFileSync(join(folder, 'usage', name)))];
    return frames.map(({ kind, id }) => `${kind} ${Number(id)}`);
  });
}

function shipAll(journal: Journal, running: Entry[] = []): void {
  journal.flush();
  for (const segment of journal.segments) segment.shippedTo = segment.bytes;
  journal.trim(() => running);
}

test('nothing is created before there is something to record', () => {
  open();
  expect(readdirSync(folder)).toEqual([]);
});

test('a record is on file once it is asked for, with all that came before it, and by itself a turn later', async () => {
  const journal = open();
  begin(journal, 1);
  const second = begin(journal, 2);
  const third = begin(journal, 3);
  journal.ensureWritten(second);
  expect(onFile()).toEqual(['opened 1', 'opened 2', 'opened 3']);
  journal.close(second, recordText(2));
  journal.close(third, undefined);
  await new Promise(setImmediate);
  expect(onFile()).toEqual(['opened 1', 'opened 2', 'opened 3', 'settled 2', 'void 3']);
});

test('two journals of one folder never share a file', () => {
  const journals = [open(), open()];
  for (const [i, journal] of journals.entries()) begin(journal, i + 1);
  for (const journal of journals) journal.flush();
  expect(readdirSync(join(folder, 'usage')).filter((name) => name.endsWith('.lock'))).toHaveLength(2);
  expect(onFile().sort()).toEqual(['opened 1', 'opened 2']);
});

test('a journal whose records are all elsewhere takes no room, also when it goes on', async () => {
  const journal = open(512 * 1024);
  for (let n = 0; n < 5000; n++) {
    journal.close(begin(journal, n), recordText(n));
    if (n % 100 === 99) shipAll(journal);
    expect(journal.bytes).toBeLessThan(160 * 1024);
  }
  clock.advance(MINUTE_MS + 1);
  shipAll(journal);
  expect(journal.bytes).toBe(0);
  await until(() => onFile().length === 0);
  begin(journal, 9000);
  journal.flush();
  expect(onFile()).toEqual(['opened 9000']);
});

test('an exchange that runs for long does not hold the files of all that ended meanwhile, and stays on file', async () => {
  const journal = open(512 * 1024);
  const long = begin(journal, 1);
  for (let n = 2; n < 1000; n++) journal.close(begin(journal, n), recordText(n));
  shipAll(journal, [long]);
  expect(onFile()).toContain('opened 1');
  clock.advance(6 * MINUTE_MS);
  shipAll(journal, [long]);
  shipAll(journal, [long]);
  // Files are removed in the background.
  await until(() => onFile().filter((line) => line === 'opened 1').length === 1);
  expect(journal.bytes).toBeLessThan(80 * 1024);
  journal.close(long, recordText(1));
  journal.flush();
  expect(onFile().slice(-1)).toEqual(['settled 1']);
});

test('past its size it takes no new exchange, but the end of every running one, and goes on when there is room', () => {
  const journal = open(64 * 1024);
  const running: Entry[] = [];
  while (journal.accepts()) {
    running.push(begin(journal, running.length));
    journal.flush();
  }
  expect(journal.bytes).toBeGreaterThanOrEqual(64 * 1024);
  expect(journal.bytes).toBeLessThan(66 * 1024);
  for (const entry of running) journal.close(entry, entry.text);
  shipAll(journal);
  expect(journal.accepts()).toBe(true);
  expect(writable).toEqual([]);
});

test('a folder that cannot be made is told, costs no exchange, and is tried again', () => {
  writeFileSync(join(folder, 'usage'), 'a file where the folder should be');
  const journal = open();
  expect(journal.accepts()).toBe(false);
  rmSync(join(folder, 'usage'));
  mkdirSync(join(folder, 'usage'));
  expect(journal.accepts()).toBe(false);
  clock.advance(1001);
  expect(journal.accepts()).toBe(true);
  expect(writable).toEqual([false, true]);
});

test('an end leaves what is not shipped and what still runs, and removes the rest', () => {
  const journals = [open(), open(), open()];
  const [done, unshipped, running] = journals as [Journal, Journal, Journal];
  done.close(begin(done, 1), recordText(1));
  shipAll(done);
  unshipped.close(begin(unshipped, 2), recordText(2));
  begin(running, 3);
  shipAll(running);
  for (const journal of journals) journal.end();
  expect(readdirSync(join(folder, 'usage')).filter((name) => name.endsWith('.lock'))).toHaveLength(2);
  expect(onFile().sort()).toEqual(['opened 2', 'opened 3', 'settled 2']);
});

const FILL_THE_DISK = `
  const { Journal } = await import('${process.cwd()}/src/usage/journal/journal.ts');
  const { systemClock } = await import('${process.cwd()}/src/lib/clock.ts');
  const text = (n) => '["' + String(n).padStart(24, '0') + '"]';
  const said = [];
  const onWritable = (isWritable, error) => said.push(error?.code ?? isWritable);
  const journal = new Journal({ folder: process.argv[1], clock: systemClock, mostBytes: () => 1e9, onWritable });
  let n = 0;
  for (; n < 5000 && journal.accepts(); n++) {
    const entry = { id: String(n).padStart(24, '0'), text: text(n), position: 0 };
    journal.open(entry);
    journal.ensureWritten(entry);
  }
  console.log(JSON.stringify({ taken: n, said }));
`;

test('a disk that is full costs the process nothing but what it did not take, and no half of a record', () => {
  // A limit on the size of files refuses a write as a full disk does, in the middle of a record.
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', FILL_THE_DISK];
  const command = ['-c', 'ulimit -f 8; exec "$0" "$@"', process.execPath, ...flags, join(folder, 'usage')];
  const { taken, said } = JSON.parse(execFileSync('/bin/sh', command, { encoding: 'utf8' }));
  expect(said).toEqual(['EFBIG']);
  expect(onFile()).toHaveLength(taken - 1);
  const [file = ''] = readdirSync(join(folder, 'usage')).filter((name) => name.endsWith('.log'));
  expect(readFileSync(join(folder, 'usage', file)).length).toBe((taken - 1) * (11 + 28));
});
