import { GatewayError } from '../../errors/rejection.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import type { Answer } from '../conversation/answer.ts';
import { AnswerCollector } from '../conversation/answer-collector.ts';
import { playAnswer } from '../conversation/answer-sink.ts';
import { failureIn } from '../conversation/failure.ts';
import { parseObject, toBytes } from '../json.ts';
import { JsonBody } from '../json-body.ts';
import type { AnswerTranslation, StreamTranslation, TranslatedFailure } from '../providers/provider.ts';
import { misunderstood } from '../refusals.ts';
import { EventReader } from '../stream/event-reader.ts';
import type { Language } from './language.ts';
import { LanguageStream } from './language-stream.ts';

/** The body of a request of one language in another. Throws `GatewayError` for what cannot be carried. */
export function translateRequest(call: ModelCall, from: Language, to: Language): JsonBody {
  return new JsonBody(to.writeRequest(from.readRequest({ ...call.body, ...call.edits }), call));
}

/** How answers in the upstream's language become those of the client's. Both may be the same. */
export class LanguageTranslation implements AnswerTranslation {
  private readonly call: ModelCall;
  private readonly client: Language;
  private readonly upstream: Language;

  constructor(call: ModelCall, client: Language, upstream: Language) {
    this.call = call;
    this.client = client;
    this.upstream = upstream;
  }

  whole(body: Buffer): Buffer {
    return this.written(this.read(body));
  }

  failure(status: number, body: Buffer): TranslatedFailure {
    const written = this.client.writeFailure(status, failureIn(body, status));
    return { status: written.status, body: toBytes(written.body) };
  }

  stream(): StreamTranslation {
    return new LanguageStream(this.call, this.client, this.upstream);
  }

  wholeFromStream(body: Buffer): Buffer {
    const collector = new AnswerCollector();
    const reader = this.upstream.readEvents(collector);
    const events = new EventReader((data) => reader.read(data));
    events.read(body);
    reader.end(events.end());
    if (reader.failure) throw new GatewayError(reader.failure);
    if (!collector.answer) throw misunderstood('the stream holds no answer');
    return this.written(collector.answer);
  }

  /** What is no answer of its API, an error for one, becomes an event as it is where nothing is translated. */
  streamFromWhole(body: Buffer): Buffer {
    const events: string[] = [];
    const sink = this.client.writeEvents(this.call, (text) => events.push(text));
    try {
      playAnswer(this.read(body), sink);
    } catch (error) {
      if (this.client !== this.upstream) throw error;
      return Buffer.from(`data: ${body.toString().replace(/\s*[\r\n]\s*/g, ' ')}\n\n`);
    }
    return Buffer.from(events.join(''));
  }

  private read(body: Buffer): Answer {
    const answer = parseObject(body.toString());
    if (!answer) throw misunderstood('the answer is not a JSON object');
    return this.upstream.readAnswer(answer);
  }

  private written(answer: Answer): Buffer {
    return toBytes(this.client.writeAnswer(answer, this.call));
  }
}
