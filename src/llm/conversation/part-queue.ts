import { inputText } from './answer.ts';
import type { AnswerSink, PartHead } from './answer-sink.ts';
import { JsonProgress } from './json-progress.ts';
import type { Seal } from './seal.ts';

interface QueuedPart {
  readonly head: PartHead;
  /** Characters that wait for the parts before. */
  held: string[];
  /** Of a call: how far the JSON of its input has got. */
  readonly progress: JsonProgress;
  seal: Seal | undefined;
  isClosed: boolean;
}

/** Characters that may wait: far more than the input of any real call. */
const MOST_HELD = 8 * 1024 * 1024;

/**
 * Puts the parts of an answer one behind the other, as sinks want them, where the upstream mixes their deltas: only the
 * first open part is passed on at once, what comes for later ones waits.
 */
export class PartQueue {
  private readonly sink: AnswerSink;
  private readonly parts: QueuedPart[] = [];
  private isFirstOpen = false;
  private heldLength = 0;
  hasCall = false;
  hasRefusal = false;

  constructor(sink: AnswerSink) {
    this.sink = sink;
  }

  /** More is held back than is worth holding. */
  get isOverfull(): boolean {
    return this.heldLength > MOST_HELD;
  }

  /** Begins a part behind all others, and returns what names it from here on. */
  open(head: PartHead): QueuedPart {
    const part = { head, held: [], progress: new JsonProgress(), seal: undefined, isClosed: false };
    if (head.kind === 'call') this.hasCall = true;
    if (head.kind === 'refusal') this.hasRefusal = true;
    this.parts.push(part);
    this.advance();
    return part;
  }

  /** The part at the end, when it is of this kind and still open. */
  last(kind: PartHead['kind']): QueuedPart | undefined {
    const part = this.parts.at(-1);
    return part?.head.kind === kind && !part.isClosed ? part : undefined;
  }

  /** Text for the part of this kind at the end; begins one where there is none. */
  append(kind: 'text' | 'refusal' | 'reasoning', text: string): void {
    if (text !== '') this.write(this.last(kind) ?? this.open({ kind }), text);
  }

  write(part: QueuedPart, text: string): void {
    if (text === '') return;
    if (part.head.kind === 'call') part.progress.feed(text);
    if (part === this.parts[0]) return this.sink.delta(text);
    part.held.push(text);
    this.heldLength += text.length;
    this.advance();
  }

  close(part: QueuedPart, seal?: Seal): void {
    part.isClosed = true;
    part.seal = seal ?? part.seal;
    this.advance();
  }

  /** Passes on everything that waits. */
  drain(): void {
    for (const part of this.parts) part.isClosed = true;
    this.advance();
  }

  private advance(): void {
    for (let first = this.parts[0]; first !== undefined; first = this.parts[0]) {
      if (!this.isFirstOpen) this.release(first);
      if (!first.isClosed && !this.isOver(first)) return;
      if (first.head.kind === 'call' && first.progress.isBlank) this.sink.delta(inputText(''));
      this.sink.close(first.seal);
      this.isFirstOpen = false;
      this.parts.shift();
    }
  }

  private release(part: QueuedPart): void {
    this.isFirstOpen = true;
    this.sink.open(part.head);
    for (const text of part.held) {
      this.sink.delta(text);
      this.heldLength -= text.length;
    }
    part.held = [];
  }

  /** Text is over when something else has begun behind it; a call only when its input is whole. */
  private isOver({ head, progress }: QueuedPart): boolean {
    return this.parts.length > 1 && (head.kind !== 'call' || progress.isWhole);
  }
}
