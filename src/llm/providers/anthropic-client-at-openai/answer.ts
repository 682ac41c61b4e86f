import { countAt, isObject, type JsonObject, objectAt, objectsAt, parseObject, textAt, toBytes } from '../json.ts';
import { misunderstood } from '../refusals.ts';

/** `finish_reason` of a chat completion as `stop_reason` of the Messages API; anything else ends a turn. */
const STOP_REASONS: ReadonlyMap<unknown, string> = new Map([
  ['length', 'max_tokens'],
  ['tool_calls', 'tool_use'],
  ['function_call', 'tool_use'],
  ['content_filter', 'refusal'],
]);

/** A chat completion as an answer of the Messages API. */
export function completionToMessage(body: Buffer): Buffer {
  const completion = parseObject(body.toString());
  const choice = objectsAt(completion ?? {}, 'choices')[0];
  const message = choice?.['message'];
  if (!completion || !isObject(message)) throw misunderstood('the answer is not a chat completion');
  const text = textAt(message, 'content') || textAt(message, 'refusal');
  return toBytes({
    ...emptyMessage(completion),
    content: [...(text === '' ? [] : [{ type: 'text', text }]), ...objectsAt(message, 'tool_calls').map(toToolUse)],
    stop_reason: stopReason(choice?.['finish_reason']),
    usage: toUsage(objectAt(completion, 'usage')),
  });
}

/** The message as its stream begins; `completion` may be a chunk. */
export function emptyMessage(completion: JsonObject): JsonObject {
  return {
    id: completion['id'],
    type: 'message',
    role: 'assistant',
    model: completion['model'],
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: toUsage({}),
  };
}

export function stopReason(finishReason: unknown): string {
  return STOP_REASONS.get(finishReason) ?? 'end_turn';
}

/** Input that was read from a cache is counted beside the rest, not in it. */
export function toUsage(usage: JsonObject): JsonObject {
  const cached = countAt(objectAt(usage, 'prompt_tokens_details'), 'cached_tokens');
  return {
    input_tokens: Math.max(0, countAt(usage, 'prompt_tokens') - cached),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: countAt(usage, 'completion_tokens'),
  };
}

function toToolUse(call: JsonObject): JsonObject {
  const called = objectAt(call, 'function');
  const written = textAt(called, 'arguments');
  const input = written.trim() === '' ? {} : parseObject(written);
  if (!input) throw misunderstood('the arguments of a call are not a JSON object');
  return { type: 'tool_use', id: call['id'], name: called['name'], input };
}
