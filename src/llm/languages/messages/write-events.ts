import type { ModelCall } from '../../../exchange/model-call.ts';
import type { AnswerEnd, AnswerHead } from '../../conversation/answer.ts';
import type { AnswerSink, PartHead } from '../../conversation/answer-sink.ts';
import type { Seal } from '../../conversation/seal.ts';
import type { JsonObject } from '../../json.ts';
import { answerId, answerModel } from '../answer-names.ts';
import { sealText, writeStop, writeUsage } from './write-answer.ts';

/** Writes an answer as the events of the Messages API. */
export class MessagesWriter implements AnswerSink {
  private readonly call: ModelCall;
  private readonly push: (events: string) => void;
  private part: PartHead = { kind: 'text' };
  private index = -1;
  /** A thought that may turn out to be hidden has no block before its text or its end. */
  private isOpen = false;

  constructor(call: ModelCall, push: (events: string) => void) {
    this.call = call;
    this.push = push;
  }

  start(head: AnswerHead): void {
    const message = {
      id: answerId(head, 'msg_'),
      type: 'message',
      role: 'assistant',
      model: answerModel(this.call, head),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: writeUsage(undefined, this.call),
    };
    this.event({ type: 'message_start', message });
  }

  open(part: PartHead): void {
    this.part = part;
    if (part.kind === 'call') this.openBlock({ type: 'tool_use', id: part.id, name: part.name, input: {} });
    else if (part.kind !== 'reasoning') this.openBlock({ type: 'text', text: '' });
  }

  delta(text: string): void {
    switch (this.part.kind) {
      case 'text':
      case 'refusal':
        return this.pushDelta({ type: 'text_delta', text });
      case 'call':
        return this.pushDelta({ type: 'input_json_delta', partial_json: text });
      case 'reasoning':
        if (!this.isOpen) this.openThought();
        return this.pushDelta({ type: 'thinking_delta', thinking: text });
    }
  }

  close(seal: Seal | undefined): void {
    if (this.part.kind === 'reasoning') this.closeThought(seal);
    this.isOpen = false;
    this.event({ type: 'content_block_stop', index: this.index });
  }

  private closeThought(seal: Seal | undefined): void {
    if (seal?.isHidden && !this.isOpen) return this.openBlock({ type: 'redacted_thinking', data: sealText(seal) });
    if (!this.isOpen) this.openThought();
    if (seal) this.pushDelta({ type: 'signature_delta', signature: sealText(seal) });
  }

  finish(end: AnswerEnd): void {
    this.event({ type: 'message_delta', delta: writeStop(end), usage: writeUsage(end.usage, this.call) });
    this.event({ type: 'message_stop' });
  }

  private openThought(): void {
    this.openBlock({ type: 'thinking', thinking: '', signature: '' });
  }

  private openBlock(block: JsonObject): void {
    this.isOpen = true;
    this.index++;
    this.event({ type: 'content_block_start', index: this.index, content_block: block });
  }

  private pushDelta(delta: JsonObject): void {
    this.event({ type: 'content_block_delta', index: this.index, delta });
  }

  private event(event: JsonObject & { readonly type: string }): void {
    this.push(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
}
