import type { Rejection } from '../../errors/rejection.ts';
import type { Answer, AnswerEnd, AnswerHead, AnswerPart } from './answer.ts';
import type { Seal } from './seal.ts';

/** A part of an answer as it begins. */
export type PartHead =
  | { readonly kind: 'text' | 'refusal' | 'reasoning' }
  | { readonly kind: 'call'; readonly id: string; readonly name: string };

/**
 * Takes an answer bit by bit: `start`, then any number of parts one after the other (`open`, `delta`…, `close`), then
 * `finish`. The deltas of a call make the text of its input.
 */
export interface AnswerSink {
  start(head: AnswerHead): void;
  open(part: PartHead): void;
  /** `text` is never empty. */
  delta(text: string): void;
  /** `seal`: of a reasoning part. */
  close(seal: Seal | undefined): void;
  finish(end: AnswerEnd): void;
  /** The answer cannot go on. Only for a language in which that is an ordinary end of a stream. */
  fail?(reason: Rejection): void;
}

/** Hands a whole answer to a sink, as its stream would have. */
export function playAnswer(answer: Answer, sink: AnswerSink): void {
  sink.start(answer);
  for (const part of answer.parts) playPart(part, sink);
  sink.finish(answer);
}

function playPart(part: AnswerPart, sink: AnswerSink): void {
  const text = part.kind === 'call' ? part.input : part.text;
  sink.open(part);
  if (text !== '') sink.delta(text);
  sink.close(part.kind === 'reasoning' ? part.seal : undefined);
}
