import type { AnswerUsage, FinishReason } from '../../conversation/answer.ts';
import { countAt, type JsonObject, textAt } from '../../json.ts';

const FINISH_REASONS: ReadonlyMap<unknown, FinishReason> = new Map([
  ['stop_sequence', 'stop_sequence'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'calls'],
  ['refusal', 'filter'],
]);

/** Of an answer or a `message_delta`; `undefined` as long as there is none. */
export function readReason(stop: JsonObject): FinishReason | undefined {
  const { stop_reason: reason } = stop as { stop_reason?: unknown };
  if (reason === undefined || reason === null || reason === '') return undefined;
  return FINISH_REASONS.get(reason) ?? 'stop';
}

export function readStopSequence(stop: JsonObject): string | undefined {
  return textAt(stop, 'stop_sequence') || undefined;
}

/** Input that was read from or written to a cache is counted beside the rest here. */
export function readUsage(usage: JsonObject): AnswerUsage | undefined {
  const cacheRead = countAt(usage, 'cache_read_input_tokens');
  const cacheWrite = countAt(usage, 'cache_creation_input_tokens');
  const input = countAt(usage, 'input_tokens') + cacheRead + cacheWrite;
  const output = countAt(usage, 'output_tokens');
  return input === 0 && output === 0 ? undefined : { input, cacheRead, cacheWrite, output, reasoning: 0 };
}
