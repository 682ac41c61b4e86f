import type { ModelCall } from '../../../exchange/model-call.ts';
import { isObject, type JsonObject, toBytes } from '../json.ts';
import { outputLimit } from '../output-limit.ts';
import { malformed, notAvailable } from '../refusals.ts';
import { translateConversation } from './conversation.ts';
import { translateToolChoice, translateTools } from './tools.ts';

/** The highest temperature of the Messages API; that of chat completions goes up to 2. */
const HOTTEST = 1;

/** What would change the meaning of the answer and has no counterpart, with what a client may do instead. */
const WITHOUT_COUNTERPART: readonly (readonly [field: string, isAsked: (value: unknown) => boolean, mend: string])[] = [
  ['n', (value) => value !== 1, 'must be 1 for this model: send several requests for several answers.'],
  ['logprobs', (value) => value !== false, 'is not available with this model.'],
  ['top_logprobs', (value) => value !== 0, 'is not available with this model.'],
  ['audio', () => true, 'is not available with this model.'],
  ['modalities', (value) => JSON.stringify(value) !== '["text"]', 'can only be ["text"] for this model.'],
  ['functions', () => true, 'is not available with this model: use "tools".'],
  ['function_call', () => true, 'is not available with this model: use "tool_choice".'],
  ['web_search_options', () => true, 'is not available with this model.'],
];

/**
 * A request for a chat completion as one of the Messages API (https://docs.claude.com/en/api/messages). Instructions
 * become `system`, a JSON schema `output_config.format`. What only nudges the model (`seed`, penalties, `logit_bias`,
 * `reasoning_effort`) or concerns the account at the provider (`user`, `metadata`, `store`) is left out. Throws
 * `GatewayError` for what cannot be expressed.
 */
export function chatToMessages(call: ModelCall): Buffer {
  const { body } = call;
  for (const [field, isAsked, mend] of WITHOUT_COUNTERPART) {
    const value = body[field];
    if (value !== undefined && value !== null && isAsked(value)) throw notAvailable(field, mend);
  }
  return toBytes({
    model: call.model.upstreamName,
    ...translateConversation(body['messages']),
    max_tokens: outputLimit(call),
    temperature: temperatureOf(body),
    top_p: body['top_p'] ?? undefined,
    stop_sequences: stopSequences(body['stop']),
    tools: translateTools(body['tools']),
    tool_choice: translateToolChoice(body),
    output_config: outputConfig(body['response_format']),
    stream: call.isStream || undefined,
  });
}

function temperatureOf(body: JsonObject): number | undefined {
  const value = body['temperature'];
  return typeof value === 'number' ? Math.min(value, HOTTEST) : undefined;
}

function stopSequences(stop: unknown): readonly unknown[] | undefined {
  if (typeof stop === 'string') return [stop];
  return Array.isArray(stop) && stop.length > 0 ? stop : undefined;
}

function outputConfig(format: unknown): JsonObject | undefined {
  if (format === undefined || format === null) return undefined;
  if (!isObject(format)) throw malformed('response_format', 'must be an object.');
  if (format['type'] === 'text') return undefined;
  const { json_schema: wanted } = format as { json_schema?: unknown };
  if (format['type'] !== 'json_schema' || !isObject(wanted) || !isObject(wanted['schema']))
    throw notAvailable('response_format', 'must have the type "text", or "json_schema" with a schema, for this model.');
  return { format: { type: 'json_schema', schema: wanted['schema'] } };
}
