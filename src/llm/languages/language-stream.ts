import type { Rejection } from '../../errors/rejection.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import type { AnswerReader } from '../conversation/answer-reader.ts';
import type { AnswerSink } from '../conversation/answer-sink.ts';
import type { StreamTranslation } from '../providers/provider.ts';
import { EventReader } from '../stream/event-reader.ts';
import type { Language } from './language.ts';

const NOTHING = Buffer.alloc(0);

/** One event stream on its way from the upstream's language to the client's. */
export class LanguageStream implements StreamTranslation {
  private readonly reader: AnswerReader;
  private readonly events: EventReader;
  private readonly sink: AnswerSink;
  private text: string[] = [];
  private hasFailed = false;

  constructor(call: ModelCall, client: Language, upstream: Language) {
    this.sink = client.writeEvents(call, (events) => this.text.push(events));
    this.reader = upstream.readEvents(this.sink);
    this.events = new EventReader((data) => this.reader.read(data));
  }

  get isWhole(): boolean {
    return this.reader.isDone;
  }

  get failure(): Rejection | undefined {
    return this.reader.failure;
  }

  write(chunk: Buffer): Buffer {
    if (this.reader.isOver) return NOTHING;
    if (!this.events.read(chunk)) this.reader.fail('an event is too long');
    return this.take();
  }

  end(): Buffer {
    this.reader.end(this.events.end());
    return this.take();
  }

  private take(): Buffer {
    if (this.failure && !this.hasFailed) this.sink.fail?.(this.failure);
    this.hasFailed = this.failure !== undefined;
    if (this.text.length === 0) return NOTHING;
    const text = this.text.join('');
    this.text = [];
    return Buffer.from(text);
  }
}
