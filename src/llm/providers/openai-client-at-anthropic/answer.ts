import { countAt, type JsonObject, objectAt, objectsAt, parseObject, textAt, toBytes } from '../json.ts';
import { misunderstood } from '../refusals.ts';

/** `stop_reason` of the Messages API as `finish_reason` of a chat completion; anything else is a `stop`. */
const FINISH_REASONS: ReadonlyMap<unknown, string> = new Map([
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
]);

/** An answer of the Messages API as a chat completion. What the model thought is left out: chat has no place for it. */
export function messageToCompletion(body: Buffer): Buffer {
  const message = parseObject(body.toString());
  if (message?.['type'] !== 'message') throw misunderstood('the answer is not a message');
  const blocks = objectsAt(message, 'content');
  const texts = blocks.filter(({ type }) => type === 'text').map((block) => textAt(block, 'text'));
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(toCall);
  return toBytes({
    id: message['id'],
    object: 'chat.completion',
    created: unixSeconds(),
    model: message['model'],
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: texts.length === 0 ? null : texts.join(''),
          refusal: null,
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: finishReason(message['stop_reason']),
      },
    ],
    usage: toUsage(objectAt(message, 'usage')),
  });
}

export function finishReason(stopReason: unknown): string {
  return FINISH_REASONS.get(stopReason) ?? 'stop';
}

/** Input that was read from or written to a cache is input all the same. */
export function toUsage(usage: JsonObject): JsonObject {
  const cached = countAt(usage, 'cache_read_input_tokens');
  const prompt = countAt(usage, 'input_tokens') + countAt(usage, 'cache_creation_input_tokens') + cached;
  const completion = countAt(usage, 'output_tokens');
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
  };
}

export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function toCall(block: JsonObject): JsonObject {
  const { id, name, input } = block;
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } };
}
