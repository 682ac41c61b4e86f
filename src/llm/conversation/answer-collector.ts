import type { Answer, AnswerEnd, AnswerHead, AnswerPart } from './answer.ts';
import type { AnswerSink, PartHead } from './answer-sink.ts';
import type { Seal } from './seal.ts';

/** Puts the whole answer together again. */
export class AnswerCollector implements AnswerSink {
  /** `undefined` until the answer has finished. */
  answer: Answer | undefined;
  private head: AnswerHead = { id: '', model: '' };
  private readonly parts: AnswerPart[] = [];
  private current: PartHead = { kind: 'text' };
  private text: string[] = [];

  start(head: AnswerHead): void {
    this.head = head;
  }

  open(part: PartHead): void {
    this.current = part;
    this.text = [];
  }

  delta(text: string): void {
    this.text.push(text);
  }

  close(seal: Seal | undefined): void {
    const { current } = this;
    const text = this.text.join('');
    if (current.kind === 'call') this.parts.push({ kind: 'call', id: current.id, name: current.name, input: text });
    else if (current.kind === 'reasoning') this.parts.push({ kind: 'reasoning', text, seal });
    else this.parts.push({ kind: current.kind, text });
  }

  finish({ reason, stopSequence, usage }: AnswerEnd): void {
    const { id, model } = this.head;
    this.answer = { id, model, parts: this.parts, reason, stopSequence, usage };
  }
}
