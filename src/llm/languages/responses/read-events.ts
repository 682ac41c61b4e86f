import { type Answer, settledReason } from '../../conversation/answer.ts';
import { AnswerReader } from '../../conversation/answer-reader.ts';
import type { PartQueue } from '../../conversation/part-queue.ts';
import { type JsonObject, objectAt, textAt } from '../../json.ts';
import { readAnswer, readReason, readUsage, sealOf, thoughtOf } from './read-answer.ts';

type QueuedPart = ReturnType<PartQueue['open']>;

/** The events of a response (https://platform.openai.com/docs/api-reference/responses-streaming). */
export class ResponsesReader extends AnswerReader {
  private isStarted = false;
  private last: JsonObject | undefined;
  /** Parts that have begun: items by their place, contents of a message by theirs within it. */
  private readonly parts = new Map<string, QueuedPart>();
  /** Parts for which something has come. */
  private readonly written = new Set<QueuedPart>();

  protected take(event: JsonObject): void {
    switch (event['type']) {
      case 'error':
        return this.failWith(event);
      case 'response.failed':
        return this.failWith(objectAt(event, 'response'));
      case 'response.created':
      case 'response.in_progress':
        return this.begin(objectAt(event, 'response'));
      case 'response.completed':
      case 'response.incomplete':
        this.last = objectAt(event, 'response');
        this.begin(this.last);
        return this.complete();
      default:
        return this.takeItem(event);
    }
  }

  private begin(response: JsonObject): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.sink.start({ id: textAt(response, 'id'), model: textAt(response, 'model') });
  }

  private takeItem(event: JsonObject): void {
    const text = textAt(event, 'delta');
    switch (event['type']) {
      case 'response.output_item.added':
        return this.openItem(event);
      case 'response.output_item.done':
        return this.closeItem(event);
      case 'response.output_text.delta':
        return this.write(this.content(event, 'text'), text);
      case 'response.refusal.delta':
        return this.write(this.content(event, 'refusal'), text);
      case 'response.reasoning_summary_part.added':
        return this.separate(event);
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
      case 'response.function_call_arguments.delta':
        return this.write(this.parts.get(String(event['output_index'])), text);
      default:
        // Kinds of events may be added at any time.
        return;
    }
  }

  private openItem(event: JsonObject): void {
    this.begin({});
    const item = objectAt(event, 'item');
    const place = String(event['output_index']);
    if (item['type'] === 'reasoning') this.parts.set(place, this.queue.open({ kind: 'reasoning' }));
    if (item['type'] !== 'function_call') return;
    const head = { kind: 'call', id: textAt(item, 'call_id'), name: textAt(item, 'name') } as const;
    this.parts.set(place, this.queue.open(head));
  }

  private content(event: JsonObject, kind: 'text' | 'refusal'): QueuedPart {
    const place = `${String(event['output_index'])}/${String(event['content_index'])}`;
    const known = this.parts.get(place);
    if (known) return known;
    this.begin({});
    const part = this.queue.open({ kind });
    this.parts.set(place, part);
    return part;
  }

  private write(part: QueuedPart | undefined, text: string): void {
    if (!part) return;
    this.written.add(part);
    this.queue.write(part, text);
  }

  /** Summaries have paragraphs. */
  private separate(event: JsonObject): void {
    const part = this.parts.get(String(event['output_index']));
    if (part && this.written.has(part)) this.queue.write(part, '\n\n');
  }

  /** What came without deltas comes with the end of the item. */
  private closeItem(event: JsonObject): void {
    const item = objectAt(event, 'item');
    const part = this.parts.get(String(event['output_index']));
    if (!part) return;
    const isCall = part.head.kind === 'call';
    if (!this.written.has(part)) this.write(part, isCall ? textAt(item, 'arguments') : thoughtOf(item));
    this.queue.close(part, isCall ? undefined : sealOf(item));
  }

  protected wholeIn(body: JsonObject): Answer | undefined {
    return body['object'] === 'response' ? readAnswer(body) : undefined;
  }

  protected hasEnded(): boolean {
    return this.last !== undefined;
  }

  protected finish(): void {
    const last = this.last ?? {};
    const reason = settledReason(readReason(last), this.queue);
    this.sink.finish({ reason, stopSequence: undefined, usage: readUsage(last['usage']) });
  }
}
