import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { doorLines, ROOMS } from '../../scripts/rooms-table.ts';

const src = resolve(import.meta.dirname, '../../src');
const docs = resolve(import.meta.dirname, '../../docs');

test('every folder of src is a room with rules', () => {
  const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).toSorted()).toEqual(ROOMS.map(({ name }) => name).toSorted());
});

test.each(ROOMS)('$name/$door opens with what the room is for, what is in it and what never is', (room) => {
  const text = readFileSync(join(src, room.name, room.door), 'utf8');
  const opening = text.split('\n', 3).map((line) => line.replace(/^(\/\/|[#-]) /, ''));
  expect(opening).toEqual(doorLines(room));
});

test('every file that the architecture page names exists', () => {
  const page = readFileSync(join(docs, 'architecture.md'), 'utf8');
  const named = [...page.matchAll(/`((?:[a-z-]+\/)+(?:[a-z.-]+\.ts)?)`/g)].map(([, path]) => String(path));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((path) => !existsSync(join(src, path)) && !existsSync(join(src, '..', path)))).toEqual([]);
});

test('docs/decisions/README.md lists every decision', () => {
  const listed = [...readFileSync(join(docs, 'decisions/README.md'), 'utf8').matchAll(/\]\((\d{4}-[^)]+)\)/g)];
  const records = readdirSync(join(docs, 'decisions')).filter((name) => name !== 'README.md');
  expect(listed.map(([, name]) => name)).toEqual(records.toSorted());
});
