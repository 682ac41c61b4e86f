import type { ModelCall } from '../../../exchange/model-call.ts';
import type { AnswerEnd, AnswerHead } from '../../conversation/answer.ts';
import type { AnswerSink, PartHead } from '../../conversation/answer-sink.ts';
import type { Seal } from '../../conversation/seal.ts';
import type { JsonObject } from '../../json.ts';
import { answerId, answerModel, unixSeconds } from '../answer-names.ts';
import { freeformInput } from '../freeform.ts';
import { finishReason, freeformTools, thinkingBlock, writeUsage } from './write-answer.ts';

/** Writes an answer as the chunks of a chat completion. */
export class ChatWriter implements AnswerSink {
  private readonly call: ModelCall;
  private readonly push: (events: string) => void;
  /** What every chunk repeats. */
  private head: JsonObject = {};
  private part: PartHead = { kind: 'text' };
  private callIndex = -1;
  private hasRefusal = false;
  private freeform: ReadonlySet<string> | undefined;
  /** Of a part that can only be written when it is whole: a thought for its seal, the input of a freeform tool. */
  private kept: string[] = [];

  constructor(call: ModelCall, push: (events: string) => void) {
    this.call = call;
    this.push = push;
  }

  start(head: AnswerHead): void {
    const id = answerId(head, 'chatcmpl-');
    const model = answerModel(this.call, head);
    this.head = { id, object: 'chat.completion.chunk', created: unixSeconds(), model };
    this.pushDelta({ role: 'assistant', content: '', refusal: null });
  }

  open(part: PartHead): void {
    this.part = part;
    this.kept = [];
    if (part.kind === 'refusal') this.hasRefusal = true;
    if (part.kind !== 'call') return;
    const { id, name } = part;
    this.callIndex++;
    const called = this.isFreeform()
      ? { type: 'custom', custom: { name, input: '' } }
      : { type: 'function', function: { name, arguments: '' } };
    this.pushDelta({ tool_calls: [{ index: this.callIndex, id, ...called }] });
  }

  delta(text: string): void {
    switch (this.part.kind) {
      case 'text':
        return this.pushDelta({ content: text });
      case 'refusal':
        return this.pushDelta({ refusal: text });
      case 'reasoning':
        this.kept.push(text);
        return this.pushDelta({ reasoning_content: text });
      case 'call':
        if (this.isFreeform()) this.kept.push(text);
        else this.pushDelta({ tool_calls: [{ index: this.callIndex, function: { arguments: text } }] });
    }
  }

  close(seal: Seal | undefined): void {
    const text = this.kept.join('');
    if (this.part.kind === 'reasoning') {
      const blocks = thinkingBlock({ text, seal });
      if (blocks.length > 0) this.pushDelta({ thinking_blocks: blocks });
    } else if (this.part.kind === 'call' && this.isFreeform())
      this.pushDelta({ tool_calls: [{ index: this.callIndex, custom: { input: freeformInput(text) } }] });
  }

  finish({ reason, usage }: AnswerEnd): void {
    const finish_reason = finishReason(reason, this.hasRefusal);
    this.pushChunk([{ index: 0, delta: {}, logprobs: null, finish_reason }], null);
    if (this.call.wantsStreamUsage) this.pushChunk([], writeUsage(usage));
    this.push('data: [DONE]\n\n');
  }

  private isFreeform(): boolean {
    this.freeform ??= freeformTools(this.call.body);
    return this.part.kind === 'call' && this.freeform.has(this.part.name);
  }

  private pushDelta(delta: JsonObject): void {
    this.pushChunk([{ index: 0, delta, logprobs: null, finish_reason: null }], null);
  }

  private pushChunk(choices: readonly JsonObject[], usage: JsonObject | null): void {
    const { wantsStreamUsage } = this.call;
    this.push(`data: ${JSON.stringify({ ...this.head, choices, ...(wantsStreamUsage ? { usage } : {}) })}\n\n`);
  }
}
