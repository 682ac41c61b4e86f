import { Rejection } from '../../errors/rejection.ts';
import type { ErrorCode } from '../../errors/catalog.ts';
import { EventReader } from './event-reader.ts';
import { type JsonObject, textAt } from './json.ts';
import type { StreamTranslation } from './provider.ts';
import { notUnderstood } from './refusals.ts';

/** Characters of a message of the upstream that are worth repeating. */
const LONGEST_TOLD = 2_000;

const NOTHING = Buffer.alloc(0);

/** What both directions share: events in, text out, and an end that is either whole or a failure. */
export abstract class StreamTranslator implements StreamTranslation {
  isWhole = false;
  failure: Rejection | undefined;
  private text = '';
  private readonly reader = new EventReader((data) => {
    if (!this.isOver()) this.translate(data);
  });

  write(chunk: Buffer): Buffer {
    if (this.isOver()) return NOTHING;
    if (!this.reader.read(chunk)) this.fail('an event is too long');
    return this.flush();
  }

  end(): Buffer {
    // An answer that has said why it ended is complete, whatever may be missing behind it.
    if (!this.isOver() && this.isAnswered()) this.finish();
    if (!this.isOver()) this.failure = new Rejection('UPSTREAM_ERROR', 'The upstream broke off its response.');
    return this.flush();
  }

  /** Takes the data of one event. */
  protected abstract translate(data: string): void;

  /** True once the answer has said why it ended. */
  protected abstract isAnswered(): boolean;

  /** Passes on what ends the stream, and completes it. */
  protected abstract finish(): void;

  protected push(text: string): void {
    this.text += text;
  }

  protected complete(): void {
    this.isWhole = true;
  }

  /** The upstream broke the rules of its API. */
  protected fail(internal: string): void {
    this.failure ??= notUnderstood(internal);
  }

  /** The upstream told of an error inside its stream: `{ type, message }`. */
  protected failWith(error: JsonObject): void {
    const detail = textAt(error, 'message').slice(0, LONGEST_TOLD) || 'The upstream reported an error.';
    this.failure ??= new Rejection(codeFor(error), detail);
  }

  private isOver(): boolean {
    return this.isWhole || this.failure !== undefined;
  }

  private flush(): Buffer {
    if (this.text === '') return NOTHING;
    const { text } = this;
    this.text = '';
    return Buffer.from(text);
  }
}

function codeFor(error: JsonObject): ErrorCode {
  return error['type'] === 'overloaded_error' ? 'OVERLOADED' : 'UPSTREAM_ERROR';
}
