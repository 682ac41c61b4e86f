import type { Answer, FinishReason } from '../../conversation/answer.ts';
import { AnswerReader } from '../../conversation/answer-reader.ts';
import type { PartQueue } from '../../conversation/part-queue.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../../json.ts';
import { hidden, readAnswer, signed } from './read-answer.ts';
import { readReason, readStopSequence, readUsage } from './read-message.ts';

type QueuedPart = ReturnType<PartQueue['open']>;

/** The events of the Messages API (https://docs.claude.com/en/docs/build-with-claude/streaming). */
export class MessagesReader extends AnswerReader {
  private isStarted = false;
  private usage: JsonObject = {};
  private reason: FinishReason | undefined;
  private stopSequence: string | undefined;
  /** Open blocks by their index. Those of kinds that are not passed on are not among them. */
  private readonly blocks = new Map<unknown, QueuedPart>();
  private signature = '';

  protected take(event: JsonObject): void {
    const { type } = event;
    if (type === 'error') return this.failWith(event);
    if (type === 'ping') return;
    if (type === 'message_start') return this.begin(objectAt(event, 'message'));
    if (!this.isStarted) return this.fail('an event came before message_start');
    this.takeStarted(event);
  }

  private begin(message: JsonObject): void {
    this.isStarted = true;
    this.noteUsage(message['usage']);
    this.sink.start({ id: textAt(message, 'id'), model: textAt(message, 'model') });
  }

  private takeStarted(event: JsonObject): void {
    switch (event['type']) {
      case 'content_block_start':
        return this.openBlock(event['index'], objectAt(event, 'content_block'));
      case 'content_block_delta':
        return this.takeDelta(this.blocks.get(event['index']), objectAt(event, 'delta'));
      case 'content_block_stop':
        return this.closeBlock(event['index']);
      case 'message_delta':
        return this.takeEnd(event);
      case 'message_stop':
        return this.complete();
      default:
        // Kinds of events may be added at any time.
        return;
    }
  }

  private openBlock(index: unknown, block: JsonObject): void {
    switch (block['type']) {
      case 'text':
        return this.openPart(index, 'text', textAt(block, 'text'));
      case 'thinking':
        this.signature = textAt(block, 'signature');
        return this.openPart(index, 'reasoning', textAt(block, 'thinking'));
      case 'redacted_thinking':
        this.openPart(index, 'reasoning', '');
        (this.blocks.get(index) as QueuedPart).seal = hidden(textAt(block, 'data'));
        return;
      case 'tool_use':
        return this.openCall(index, block);
      default:
        return;
    }
  }

  private openPart(index: unknown, kind: 'text' | 'reasoning', text: string): void {
    const part = this.queue.open({ kind });
    this.blocks.set(index, part);
    this.queue.write(part, text);
  }

  /** The input comes in deltas; some servers send it at once, with the block. */
  private openCall(index: unknown, block: JsonObject): void {
    const part = this.queue.open({ kind: 'call', id: textAt(block, 'id'), name: textAt(block, 'name') });
    this.blocks.set(index, part);
    const { input } = block as { input?: unknown };
    if (isObject(input) && Object.keys(input).length > 0) this.queue.write(part, JSON.stringify(input));
  }

  private takeDelta(part: QueuedPart | undefined, delta: JsonObject): void {
    if (!part) return;
    switch (delta['type']) {
      case 'text_delta':
        return this.queue.write(part, textAt(delta, 'text'));
      case 'thinking_delta':
        return this.queue.write(part, textAt(delta, 'thinking'));
      case 'input_json_delta':
        return this.queue.write(part, textAt(delta, 'partial_json'));
      case 'signature_delta':
        this.signature += textAt(delta, 'signature');
        return;
      default:
        return;
    }
  }

  private closeBlock(index: unknown): void {
    const part = this.blocks.get(index);
    if (!part) return;
    this.blocks.delete(index);
    this.queue.close(part, part.head.kind === 'reasoning' ? signed(this.signature) : undefined);
    this.signature = '';
  }

  private takeEnd(event: JsonObject): void {
    const delta = objectAt(event, 'delta');
    this.reason = readReason(delta) ?? this.reason;
    this.stopSequence ??= readStopSequence(delta);
    this.noteUsage(event['usage']);
  }

  /** Counts are totals so far; a later event repeats only those that changed. */
  private noteUsage(usage: unknown): void {
    if (!isObject(usage)) return;
    const counts = Object.entries(usage).filter(([, count]) => typeof count === 'number');
    this.usage = { ...this.usage, ...Object.fromEntries(counts) };
  }

  protected wholeIn(body: JsonObject): Answer | undefined {
    return body['type'] === 'message' ? readAnswer(body) : undefined;
  }

  protected hasEnded(): boolean {
    return this.reason !== undefined;
  }

  protected finish(): void {
    const { reason = 'stop', stopSequence } = this;
    this.sink.finish({ reason, stopSequence, usage: readUsage(this.usage) });
  }
}
