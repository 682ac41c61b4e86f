import type { ModelCall } from '../../../exchange/model-call.ts';
import { isObject, type JsonObject, objectAt, parseObject, textAt } from '../json.ts';
import { StreamTranslator } from '../stream-translator.ts';
import { finishReason, toUsage, unixSeconds } from './answer.ts';

/** What every chunk of one stream repeats. */
interface ChunkHead {
  readonly id: unknown;
  readonly object: 'chat.completion.chunk';
  readonly created: number;
  readonly model: unknown;
}

/** The events of the Messages API as the chunks of a chat completion. */
export class MessageStreamToChunks extends StreamTranslator {
  private readonly withUsage: boolean;
  private head: ChunkHead | undefined;
  private usage: JsonObject = {};
  private stopReason: unknown;
  /** Place of the running call among the calls; content blocks are counted together with texts. */
  private callIndex = -1;

  constructor(call: ModelCall) {
    super();
    this.withUsage = call.wantsStreamUsage;
  }

  protected translate(data: string): void {
    const event = parseObject(data);
    if (!event) return this.fail('an event is not JSON');
    if (event['type'] === 'error') return this.failWith(objectAt(event, 'error'));
    if (event['type'] === 'ping') return;
    if (event['type'] === 'message_start') return this.start(objectAt(event, 'message'));
    if (!this.head) return this.fail('an event came before message_start');
    this.take(event);
  }

  private take(event: JsonObject): void {
    switch (event['type']) {
      case 'content_block_start':
        return this.openBlock(objectAt(event, 'content_block'));
      case 'content_block_delta':
        return this.passDelta(objectAt(event, 'delta'));
      case 'message_delta':
        this.stopReason = objectAt(event, 'delta')['stop_reason'] ?? this.stopReason;
        return this.noteUsage(event['usage']);
      case 'message_stop':
        return this.finish();
      default:
        // The end of a block says nothing here, and kinds of events may be added at any time.
        return;
    }
  }

  private start(message: JsonObject): void {
    this.head = { id: message['id'], object: 'chat.completion.chunk', created: unixSeconds(), model: message['model'] };
    this.noteUsage(message['usage']);
    this.pushDelta({ role: 'assistant', content: '', refusal: null });
  }

  private openBlock(block: JsonObject): void {
    if (block['type'] === 'tool_use') {
      const called = { name: block['name'], arguments: '' };
      this.callIndex++;
      this.pushDelta({ tool_calls: [{ index: this.callIndex, id: block['id'], type: 'function', function: called }] });
    } else if (block['type'] === 'text' && block['text']) this.pushDelta({ content: block['text'] });
  }

  private passDelta(delta: JsonObject): void {
    if (delta['type'] === 'text_delta') this.pushDelta({ content: textAt(delta, 'text') });
    else if (delta['type'] === 'input_json_delta') {
      const called = { arguments: textAt(delta, 'partial_json') };
      this.pushDelta({ tool_calls: [{ index: this.callIndex, function: called }] });
    }
  }

  /** Counts are totals so far; a later event repeats only those that changed. */
  private noteUsage(usage: unknown): void {
    if (!isObject(usage)) return;
    const told = Object.entries(usage).filter(([, count]) => typeof count === 'number');
    this.usage = { ...this.usage, ...Object.fromEntries(told) };
  }

  protected isAnswered(): boolean {
    return this.stopReason !== undefined;
  }

  protected finish(): void {
    this.pushChunk([{ index: 0, delta: {}, logprobs: null, finish_reason: finishReason(this.stopReason) }], null);
    if (this.withUsage) this.pushChunk([], toUsage(this.usage));
    this.push('data: [DONE]\n\n');
    this.complete();
  }

  private pushDelta(delta: JsonObject): void {
    this.pushChunk([{ index: 0, delta, logprobs: null, finish_reason: null }], null);
  }

  private pushChunk(choices: readonly JsonObject[], usage: JsonObject | null): void {
    this.push(`data: ${JSON.stringify({ ...this.head, choices, ...(this.withUsage ? { usage } : {}) })}\n\n`);
  }
}
