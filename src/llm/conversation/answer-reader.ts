import type { ErrorCode } from '../../errors/catalog.ts';
import { Rejection } from '../../errors/rejection.ts';
import { type JsonObject, parseObject } from '../json.ts';
import { notUnderstood } from '../refusals.ts';
import type { Answer } from './answer.ts';
import { type AnswerSink, playAnswer } from './answer-sink.ts';
import { readFailure } from './failure.ts';
import { PartQueue } from './part-queue.ts';

export const DONE = '[DONE]';
/** Characters of a message of the upstream that are worth repeating. */
const LONGEST_SHOWN = 2_000;

/** What the readers of all languages share: events in, parts of an answer out, and an end that is whole or a failure. */
export abstract class AnswerReader {
  failure: Rejection | undefined;
  /** The answer is whole. Nothing that follows is read. */
  isDone = false;
  private isUntouched = true;
  protected readonly sink: AnswerSink;
  protected readonly queue: PartQueue;

  constructor(sink: AnswerSink) {
    this.sink = sink;
    this.queue = new PartQueue(sink);
  }

  get isOver(): boolean {
    return this.isDone || this.failure !== undefined;
  }

  /** Takes the data of one event. */
  read(data: string): void {
    if (this.isOver) return;
    this.isUntouched = false;
    const event = parseObject(data);
    if (event) this.take(event);
    else this.takeText(data);
    if (this.queue.isOverfull) this.fail('the parts of an answer are mixed over too great a distance');
  }

  /**
   * The upstream has ended its stream: an answer that has said why it ended is complete. `last`: data of an event that
   * did not end, which counts when it is whole.
   */
  end(last?: string): void {
    if (last !== undefined && (last === DONE || parseObject(last))) this.readLast(last);
    if (!this.isOver && this.hasEnded()) this.complete();
    if (!this.isOver) this.failure = new Rejection('UPSTREAM_ERROR', 'The upstream broke off its response.');
  }

  /** Nothing but a whole answer, where a stream was promised, is the answer. */
  private readLast(last: string): void {
    try {
      const whole = this.isUntouched ? this.wholeIn(parseObject(last) ?? {}) : undefined;
      if (!whole) return this.read(last);
      playAnswer(whole, this.sink);
      this.isDone = true;
    } catch {
      this.fail('a whole answer in place of a stream is not understood');
    }
  }

  /** The answer that this is, if it is a whole one. */
  protected abstract wholeIn(body: JsonObject): Answer | undefined;

  protected abstract take(event: JsonObject): void;

  /** Data that is no JSON object. */
  protected takeText(_data: string): void {
    this.fail('an event is not a JSON object');
  }

  /** True once the answer has said why it ended. */
  protected abstract hasEnded(): boolean;

  /** Hands the end of the answer to the sink. */
  protected abstract finish(): void;

  protected complete(): void {
    this.queue.drain();
    this.finish();
    this.isDone = true;
  }

  /** The upstream broke the rules of its API. */
  fail(internal: string): void {
    this.failure ??= notUnderstood(internal);
  }

  /** The upstream reported an error inside its stream. */
  protected failWith(event: JsonObject): void {
    const { message, type } = readFailure(event);
    const detail = message.slice(0, LONGEST_SHOWN) || 'The upstream reported an error.';
    this.failure ??= new Rejection(codeFor(type), detail);
  }
}

function codeFor(type: string): ErrorCode {
  return type === 'overloaded_error' ? 'OVERLOADED' : 'UPSTREAM_ERROR';
}
