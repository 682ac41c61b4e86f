import { JsonObjectReader } from './body/json-object-reader.ts';
import { isObject } from './json.ts';
import { ObjectText } from './object-text.ts';

/** So many characters are written before others get their turn; a longer text is cut. */
const PIECE = 32 * 1024;

/** Writes what `JSON.stringify` writes, in short steps. The value holds nothing but what JSON has, and text that is JSON. */
export class JsonWriter {
  private readonly done: Buffer[] = [];
  private pending: string[] = [];
  private pendingLength = 0;

  /** All of it; to be called at the end. */
  take(): Buffer {
    this.flush();
    return Buffer.concat(this.done);
  }

  *write(value: unknown): Generator<undefined, void, undefined> {
    if (isShort(value)) this.add(JSON.stringify(value) ?? 'null');
    else if (typeof value === 'string') yield* this.writeText(value);
    else if (Array.isArray(value)) yield* this.writeList(value);
    else if (value instanceof ObjectText) yield* this.writeChecked(value);
    else if (isObject(value)) yield* this.writeObject(value);
    if (this.pendingLength < PIECE) return;
    this.flush();
    yield;
  }

  private *writeList(items: readonly unknown[]): Generator<undefined, void, undefined> {
    this.add('[');
    let isFirst = true;
    for (const item of items) {
      if (!isFirst) this.add(',');
      isFirst = false;
      yield* this.write(item);
    }
    this.add(']');
  }

  private *writeObject(value: Readonly<Record<string, unknown>>): Generator<undefined, void, undefined> {
    this.add('{');
    let isFirst = true;
    for (const name of Object.keys(value)) {
      if (value[name] === undefined) continue;
      this.add(`${isFirst ? '' : ','}${JSON.stringify(name)}:`);
      isFirst = false;
      yield* this.write(value[name]);
    }
    this.add('}');
  }

  private *writeText(text: string): Generator<undefined, void, undefined> {
    this.add('"');
    for (let from = 0; from < text.length; ) {
      const to = cutWithin(text, from + PIECE);
      this.add(JSON.stringify(text.slice(from, to)).slice(1, -1));
      from = to;
      this.flush();
      yield;
    }
    this.add('"');
  }

  private *writeChecked(text: ObjectText): Generator<undefined, void, undefined> {
    const reader = new JsonObjectReader(Buffer.from(text.written));
    while (reader.result === undefined) {
      reader.step(PIECE);
      yield;
    }
    if (typeof reader.result === 'string') throw text.refusal();
    const { written } = text;
    for (let from = 0; from < written.length; ) {
      const to = cutWithin(written, from + PIECE);
      this.add(written.slice(from, to));
      from = to;
      this.flush();
      yield;
    }
  }

  private add(text: string): void {
    this.pending.push(text);
    this.pendingLength += text.length;
  }

  private flush(): void {
    if (this.pendingLength > 0) this.done.push(Buffer.from(this.pending.join('')));
    this.pending = [];
    this.pendingLength = 0;
  }
}

/** Whether it can be written at once. */
function isShort(value: unknown): boolean {
  return roomLeft(value, PIECE) >= 0;
}

/** What a value leaves of so many characters, about; below 0 as soon as it is known to be longer. */
function roomLeft(value: unknown, room: number): number {
  if (typeof value === 'string') return room - value.length - 2;
  if (typeof value !== 'object' || value === null) return room - 8;
  if (value instanceof ObjectText) return room - value.written.length;
  let left = room - 2;
  for (const name in value) {
    left = roomLeft((value as Record<string, unknown>)[name], left - name.length - 4);
    if (left < 0) return left;
  }
  return left;
}

/** The last place up to `to` that is not within a character of two halves. */
function cutWithin(text: string, to: number): number {
  const code = text.charCodeAt(to - 1);
  return code >= 0xd800 && code < 0xdc00 ? to - 1 : to;
}
