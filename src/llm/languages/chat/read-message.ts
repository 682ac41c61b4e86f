import type { AnswerUsage, FinishReason } from '../../conversation/answer.ts';
import type { Seal } from '../../conversation/seal.ts';
import { countAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../../json.ts';
import { newId } from '../answer-names.ts';

/** What a message, or a piece of one, says in words. */
interface Said {
  readonly thought: string;
  /** The field that held the thought. */
  readonly thoughtField: string;
  readonly text: string;
  readonly refusal: string;
}

/** Mistral's reasoning models send `content` as a list, in which thoughts are parts. */
export function readSaid(message: JsonObject): Said {
  const { content } = message as { content?: unknown };
  const parts = objectsAt(message, 'content');
  const thoughtField =
    textAt(message, 'reasoning_content') === '' && textAt(message, 'reasoning') !== ''
      ? 'reasoning'
      : 'reasoning_content';
  return {
    thought: textAt(message, thoughtField) + parts.map(thoughtIn).join(''),
    thoughtField,
    text:
      typeof content === 'string'
        ? content
        : parts.map((part) => (part['type'] === 'text' ? textAt(part, 'text') : '')).join(''),
    refusal: textAt(message, 'refusal'),
  };
}

function thoughtIn(part: JsonObject): string {
  if (part['type'] !== 'thinking') return '';
  const texts = objectsAt(part, 'thinking').map((piece) => textAt(piece, 'text'));
  return texts.join('') + textAt(part, 'thinking');
}

/** Some servers give their calls no id, without which no client can answer them. */
export function callId(call: JsonObject): string {
  return textAt(call, 'id') || newId('call_');
}

/** Gemini signs its calls, and refuses them in the next turn without the signature. */
export function signatureOf(call: JsonObject, id: string): Seal | undefined {
  const data = textAt(objectAt(objectAt(call, 'extra_content'), 'google'), 'thought_signature');
  return data === '' ? undefined : { origin: 'chat', data, isHidden: true, id };
}

const FINISH_REASONS: ReadonlyMap<unknown, FinishReason> = new Map([
  ['length', 'length'],
  ['tool_calls', 'calls'],
  ['function_call', 'calls'],
  ['content_filter', 'filter'],
]);

/** `undefined` as long as there is none: `null`, or an empty text with some servers. */
export function readReason(choice: JsonObject): FinishReason | undefined {
  const { finish_reason: reason } = choice as { finish_reason?: unknown };
  if (reason === undefined || reason === null || reason === '') return undefined;
  return FINISH_REASONS.get(reason) ?? 'stop';
}

/** vLLM names the sequence that ended the answer beside the reason. */
export function readStopSequence(choice: JsonObject): string | undefined {
  return textAt(choice, 'stop_reason') || undefined;
}

/** `undefined` where nothing was reported: figures that are all 0 are none. */
export function readUsage(usage: unknown): AnswerUsage | undefined {
  if (!isObject(usage)) return undefined;
  const input = countAt(usage, 'prompt_tokens');
  const output = countAt(usage, 'completion_tokens');
  if (input === 0 && output === 0) return undefined;
  const cached = countAt(objectAt(usage, 'prompt_tokens_details'), 'cached_tokens');
  return {
    input,
    cacheRead: Math.min(input, cached || countAt(usage, 'prompt_cache_hit_tokens')),
    cacheWrite: 0,
    output,
    reasoning: countAt(objectAt(usage, 'completion_tokens_details'), 'reasoning_tokens'),
  };
}
