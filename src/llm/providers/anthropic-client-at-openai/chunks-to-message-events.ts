import { countAt, isObject, type JsonObject, objectAt, objectsAt, parseObject, textAt } from '../json.ts';
import { StreamTranslator } from '../stream-translator.ts';
import { emptyMessage, stopReason, toUsage } from './answer.ts';

const DONE = '[DONE]';

/** The chunks of a chat completion as the events of the Messages API: one content block open at a time. */
export class ChunkStreamToEvents extends StreamTranslator {
  private isStarted = false;
  private usage: JsonObject = {};
  private finishReason: unknown;
  private blockIndex = -1;
  /** What the open block holds: text, or the call with this index; `undefined` while none is open. */
  private open: 'text' | number | undefined;
  private lastCall = -1;

  protected translate(data: string): void {
    if (data === DONE) return this.finish();
    const chunk = parseObject(data);
    if (!chunk) return this.fail('a chunk is not JSON');
    if (isObject(chunk['error'])) return this.failWith(chunk['error']);
    if (!this.isStarted) this.start(chunk);
    if (isObject(chunk['usage'])) this.usage = chunk['usage'];
    const choice = objectsAt(chunk, 'choices')[0];
    if (choice) this.take(choice);
  }

  private start(chunk: JsonObject): void {
    this.isStarted = true;
    this.pushEvent({ type: 'message_start', message: emptyMessage(chunk) });
  }

  private take(choice: JsonObject): void {
    const delta = objectAt(choice, 'delta');
    const text = textAt(delta, 'content') || textAt(delta, 'refusal');
    if (text !== '') this.passText(text);
    for (const call of objectsAt(delta, 'tool_calls')) this.passCall(call);
    // Until the end it is null.
    this.finishReason = choice['finish_reason'] ?? this.finishReason;
  }

  private passText(text: string): void {
    if (this.open !== 'text') this.openBlock('text', { type: 'text', text: '' });
    this.passDelta({ type: 'text_delta', text });
  }

  private passCall(call: JsonObject): void {
    const index = countAt(call, 'index');
    const called = objectAt(call, 'function');
    if (this.open !== index) {
      if (index <= this.lastCall) return this.fail('the parts of several calls are mixed');
      this.lastCall = index;
      this.openBlock(index, { type: 'tool_use', id: call['id'], name: called['name'], input: {} });
    }
    const written = textAt(called, 'arguments');
    if (written !== '') this.passDelta({ type: 'input_json_delta', partial_json: written });
  }

  private passDelta(delta: JsonObject): void {
    this.pushEvent({ type: 'content_block_delta', index: this.blockIndex, delta });
  }

  private openBlock(kind: 'text' | number, block: JsonObject): void {
    this.closeBlock();
    this.open = kind;
    this.blockIndex++;
    this.pushEvent({ type: 'content_block_start', index: this.blockIndex, content_block: block });
  }

  private closeBlock(): void {
    if (this.open === undefined) return;
    this.open = undefined;
    this.pushEvent({ type: 'content_block_stop', index: this.blockIndex });
  }

  protected isAnswered(): boolean {
    return this.finishReason !== undefined;
  }

  protected finish(): void {
    if (!this.isStarted) return this.fail('the stream is empty');
    this.closeBlock();
    const delta = { stop_reason: stopReason(this.finishReason), stop_sequence: null };
    this.pushEvent({ type: 'message_delta', delta, usage: toUsage(this.usage) });
    this.pushEvent({ type: 'message_stop' });
    this.complete();
  }

  private pushEvent(event: JsonObject & { readonly type: string }): void {
    this.push(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
}
