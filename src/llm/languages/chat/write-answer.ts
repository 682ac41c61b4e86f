import type { ModelCall } from '../../../exchange/model-call.ts';
import type {
  Answer,
  AnswerPart,
  AnswerUsage,
  CallPart,
  FinishReason,
  ReasoningPart,
} from '../../conversation/answer.ts';
import { packSeal, type Seal } from '../../conversation/seal.ts';
import { type JsonObject, objectAt, objectsAt, textAt } from '../../json.ts';
import { answerId, answerModel, unixSeconds } from '../answer-names.ts';
import { freeformInput } from '../freeform.ts';

/** A chat completion with one choice. */
export function writeAnswer(answer: Answer, call: ModelCall): JsonObject {
  const { parts } = answer;
  const refusal = textsOf(parts, 'refusal');
  const text = textsOf(parts, 'text');
  const isSilent = text === '' && !parts.some(({ kind }) => kind === 'text');
  const message = {
    role: 'assistant',
    content: isSilent ? null : text,
    refusal: refusal || null,
    ...writeThoughts(parts),
    ...writeCalls(parts, freeformTools(call.body)),
  };
  return {
    id: answerId(answer, 'chatcmpl-'),
    object: 'chat.completion',
    created: unixSeconds(),
    model: answerModel(call, answer),
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(answer.reason, refusal !== '') }],
    usage: writeUsage(answer.usage),
  };
}

function textsOf(parts: readonly AnswerPart[], kind: 'text' | 'refusal'): string {
  return parts.map((part) => (part.kind === kind ? part.text : '')).join('');
}

/** Thoughts as most clients know them, and with their seals, which have to come back, as LiteLLM writes them. */
function writeThoughts(parts: readonly AnswerPart[]): JsonObject {
  const thoughts = parts.filter((part) => part.kind === 'reasoning');
  const text = thoughts.map((thought) => thought.text).join('');
  const blocks = thoughts.flatMap(thinkingBlock);
  return {
    ...(text === '' ? {} : { reasoning_content: text }),
    ...(blocks.length === 0 ? {} : { thinking_blocks: blocks }),
  };
}

/** A thought with a seal that its provider wants back; none for what chat completions themselves report. */
export function thinkingBlock({ text, seal }: Pick<ReasoningPart, 'text' | 'seal'>): JsonObject[] {
  if (!seal || seal.origin === 'chat') return [];
  const data = sealText(seal);
  return [seal.isHidden ? { type: 'redacted_thinking', data } : { type: 'thinking', thinking: text, signature: data }];
}

function sealText(seal: Seal): string {
  return seal.origin === 'messages' ? seal.data : packSeal(seal);
}

function writeCalls(parts: readonly AnswerPart[], freeform: ReadonlySet<string>): JsonObject {
  const calls = parts.filter((part) => part.kind === 'call');
  return calls.length === 0 ? {} : { tool_calls: calls.map((part) => writeCall(part, freeform)) };
}

function writeCall({ id, name, input }: CallPart, freeform: ReadonlySet<string>): JsonObject {
  if (freeform.has(name)) return { id, type: 'custom', custom: { name, input: freeformInput(input) } };
  return { id, type: 'function', function: { name, arguments: input } };
}

/** Tools of the client that take one text instead of an object. */
export function freeformTools(body: JsonObject): ReadonlySet<string> {
  const custom = objectsAt(body, 'tools').filter(({ type }) => type === 'custom');
  return new Set(custom.map((tool) => textAt(objectAt(tool, 'custom'), 'name')));
}

const FINISH_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  calls: 'tool_calls',
  filter: 'content_filter',
};

/** A model that declines in its own words has stopped; one that was cut off was filtered. */
export function finishReason(reason: FinishReason, hasRefusal: boolean): string {
  return reason === 'filter' && hasRefusal ? 'stop' : FINISH_REASONS[reason];
}

/** Input that was read from or written to a cache is input all the same. */
export function writeUsage(usage: AnswerUsage | undefined): JsonObject {
  const { input, output, cacheRead, reasoning } = usage ?? NO_USAGE;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cacheRead },
    ...(reasoning > 0 ? { completion_tokens_details: { reasoning_tokens: reasoning } } : {}),
  };
}

const NO_USAGE: AnswerUsage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
