import type { Rejection } from '../../../errors/rejection.ts';
import type { ModelCall } from '../../../exchange/model-call.ts';
import type { AnswerEnd, AnswerHead } from '../../conversation/answer.ts';
import type { AnswerSink, PartHead } from '../../conversation/answer-sink.ts';
import type { Seal } from '../../conversation/seal.ts';
import type { JsonObject } from '../../json.ts';
import {
  callItem,
  itemId,
  messageItem,
  reasoningItem,
  responseHead,
  writeContent,
  writeEnd,
  writeUsage,
} from './write-answer.ts';
import { freeformInput } from '../freeform.ts';
import { type ToolNames, toolNames } from './tool-names.ts';

const NO_NAMES: ToolNames = { freeform: new Set(), spaced: new Map() };

/** Writes an answer as the events of a response. */
export class ResponsesWriter implements AnswerSink {
  private readonly call: ModelCall;
  private readonly push: (events: string) => void;
  private sequence = 0;
  private head: JsonObject = {};
  private names: ToolNames = NO_NAMES;
  private readonly output: JsonObject[] = [];
  private part: PartHead = { kind: 'text' };
  private text: string[] = [];

  constructor(call: ModelCall, push: (events: string) => void) {
    this.call = call;
    this.push = push;
  }

  start(head: AnswerHead): void {
    this.head = responseHead(head, this.call);
    this.names = toolNames(this.call.body);
    this.event('response.created', { response: this.head });
    this.event('response.in_progress', { response: this.head });
  }

  open(part: PartHead): void {
    this.part = part;
    this.text = [];
    this.event('response.output_item.added', { ...this.place(), item: this.begun() });
    if (part.kind === 'text' || part.kind === 'refusal')
      this.event('response.content_part.added', { ...this.within(), part: writeContent(part.kind, '') });
  }

  delta(text: string): void {
    const { part } = this;
    if (part.kind === 'reasoning' && this.text.length === 0)
      this.event('response.reasoning_summary_part.added', { ...this.summary(), part: summaryPart('') });
    this.text.push(text);
    switch (part.kind) {
      case 'text':
        return this.event('response.output_text.delta', { ...this.within(), delta: text, logprobs: [] });
      case 'refusal':
        return this.event('response.refusal.delta', { ...this.within(), delta: text });
      case 'reasoning':
        return this.event('response.reasoning_summary_text.delta', { ...this.summary(), delta: text });
      case 'call':
        // The text of a freeform tool is inside the object, which can only be read when it is whole.
        if (!this.names.freeform.has(part.name))
          this.event('response.function_call_arguments.delta', { ...this.named(), delta: text });
    }
  }

  close(seal: Seal | undefined): void {
    const text = this.text.join('');
    const item = this.ended(text, seal);
    this.closeText(text);
    this.event('response.output_item.done', { ...this.place(), item });
    this.output.push(item);
  }

  finish({ reason, usage }: AnswerEnd): void {
    const { output } = this;
    const end = writeEnd(reason);
    const response = { ...this.head, ...end, output, usage: writeUsage(usage, this.call) };
    this.event(`response.${String(end['status'])}`, { response });
  }

  /** A failure is an ordinary end of a response: clients of this API wait for it. */
  fail({ code, detail }: Rejection): void {
    const error = { code: code.toLowerCase(), message: detail };
    this.event('response.failed', { response: { ...this.head, status: 'failed', error, output: this.output } });
  }

  private closeText(text: string): void {
    const { part } = this;
    switch (part.kind) {
      case 'text':
      case 'refusal': {
        const content = writeContent(part.kind, text);
        if (part.kind === 'text') this.event('response.output_text.done', { ...this.within(), text, logprobs: [] });
        else this.event('response.refusal.done', { ...this.within(), refusal: text });
        return this.event('response.content_part.done', { ...this.within(), part: content });
      }
      case 'reasoning':
        if (text === '') return;
        this.event('response.reasoning_summary_text.done', { ...this.summary(), text });
        return this.event('response.reasoning_summary_part.done', { ...this.summary(), part: summaryPart(text) });
      case 'call':
        return this.closeCall(part.name, text);
    }
  }

  private closeCall(name: string, written: string): void {
    if (!this.names.freeform.has(name))
      return this.event('response.function_call_arguments.done', { ...this.named(), name, arguments: written });
    const input = freeformInput(written);
    this.event('response.custom_tool_call_input.delta', { ...this.named(), delta: input });
    this.event('response.custom_tool_call_input.done', { ...this.named(), input });
  }

  /** The item as it begins. */
  private begun(): JsonObject {
    const { part } = this;
    if (part.kind === 'reasoning') return reasoningItem(this.id(), '', undefined);
    if (part.kind !== 'call') return messageItem(this.id());
    return { ...callItem({ ...part, input: '' }, this.id(), this.names), status: 'in_progress' };
  }

  private ended(text: string, seal: Seal | undefined): JsonObject {
    const { part } = this;
    if (part.kind === 'reasoning') return reasoningItem(this.id(), text, seal);
    if (part.kind === 'call') return callItem({ ...part, input: text }, this.id(), this.names);
    return { ...messageItem(this.id()), status: 'completed', content: [writeContent(part.kind, text)] };
  }

  private id(): string {
    return itemId(this.head, this.output.length);
  }

  private place(): JsonObject {
    return { output_index: this.output.length };
  }

  private named(): JsonObject {
    return { item_id: this.begun()['id'], ...this.place() };
  }

  private within(): JsonObject {
    return { ...this.named(), content_index: 0 };
  }

  private summary(): JsonObject {
    return { ...this.named(), summary_index: 0 };
  }

  private event(type: string, fields: JsonObject): void {
    const data = JSON.stringify({ type, sequence_number: this.sequence++, ...fields });
    this.push(`event: ${type}\ndata: ${data}\n\n`);
  }
}

function summaryPart(text: string): JsonObject {
  return { type: 'summary_text', text };
}
