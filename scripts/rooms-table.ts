import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import rooms from './rooms.json' with { type: 'json' };

const START = '<!-- rooms: written by `npm run generate` from scripts/rooms.json -->';
const END = '<!-- end of rooms -->';

type Room = (typeof rooms.rooms)[number];

export const ROOMS: readonly Room[] = rooms.rooms;

/** The three lines with which the door file of a room opens. */
export function doorLines(room: Room): readonly string[] {
  return [`Room ${room.name}: ${room.for}.`, `In it: ${room.in}.`, `Never in it: ${room.never}.`];
}

/** docs/architecture.md with the rules of the import checker as its table. */
export function architecturePage(): string {
  const page = readFileSync(join(import.meta.dirname, '../docs/architecture.md'), 'utf8');
  const [from, to] = [page.indexOf(START), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/architecture.md lacks "${START}" … "${END}"`);
  return `${page.slice(0, from + START.length)}\n${table()}\n${page.slice(to)}`;
}

function table(): string {
  const rows = ROOMS.map((room) => `| \`${room.name}/\` | ${room.for} | ${importsOf(room)} |`);
  const lists = `Every room may import ${names(rooms.ground)}. "Contracts" are ${names(rooms.contracts)}; "configuration" is ${names(rooms.configuration)}.`;
  return ['| room | what it does | may also import |', '|---|---|---|', ...rows, '', lists].join('\n');
}

function importsOf({ name, imports }: Room): string {
  if (rooms.ground.includes(name)) return imports.length === 0 ? 'nothing at all' : `only ${names(imports)}`;
  return imports.map((item) => (item === 'contracts' || item === 'configuration' ? item : `\`${item}\``)).join(', ');
}

function names(items: readonly string[]): string {
  return items.map((item) => `\`${item}\``).join(', ');
}
