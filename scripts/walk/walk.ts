import { dirname } from 'node:path';
import type { FunctionEntry } from './mark-functions.ts';

/** The functions one request entered, in order, and what follows from that. */
export class Walk {
  readonly entries: readonly FunctionEntry[];

  constructor(entries: readonly FunctionEntry[]) {
    this.entries = entries;
  }

  /** In the order of their first visit. */
  get files(): readonly string[] {
    return [...new Set(this.entries.map(({ file }) => file))];
  }

  /** Each at its first entry: a stream enters the same ones again with every piece. */
  get functions(): readonly FunctionEntry[] {
    const seen = new Set<FunctionEntry>();
    return this.entries.filter((entry) => !seen.has(entry) && seen.add(entry));
  }

  /** How often the next new function is in another file. */
  get fileChanges(): number {
    return countChanges(this.functions.map(({ file }) => file));
  }

  /** How often the next new function is in another room: another folder directly below `src/`. */
  get roomChanges(): number {
    return countChanges(this.functions.map(({ file }) => file.split('/')[0] ?? ''));
  }

  get figures(): string {
    const { files, functions, fileChanges, roomChanges } = this;
    return `${String(files.length)} files, ${String(functions.length)} functions, ${String(fileChanges)} changes of file, ${String(roomChanges)} changes of room`;
  }

  /** `edge/: edge, header-scan`: the files by order of first visit, with neighbours of one folder on one line. */
  get fileLines(): readonly string[] {
    const lines: { folder: string; names: string[] }[] = [];
    for (const file of this.files) {
      const folder = dirname(file);
      const name = file.slice(file.lastIndexOf('/') + 1);
      const last = lines.at(-1);
      if (last?.folder === folder) last.names.push(name);
      else lines.push({ folder, names: [name] });
    }
    return lines.map(({ folder, names }) => `${folder === '.' ? 'src' : folder}/: ${names.join(', ')}`);
  }

  /** `edge/edge: readRequest, open`: every visit of a file with the functions entered there. */
  get visitLines(): readonly string[] {
    const lines: { file: string; names: string[] }[] = [];
    for (const { file, name } of this.entries) {
      const last = lines.at(-1);
      if (last?.file !== file) lines.push({ file, names: [name] });
      else if (last.names.at(-1) !== name) last.names.push(name);
    }
    return lines.map(({ file, names }) => `${file}: ${names.join(', ')}`);
  }
}

function countChanges(places: readonly string[]): number {
  return places.filter((place, i) => i > 0 && place !== places[i - 1]).length;
}
