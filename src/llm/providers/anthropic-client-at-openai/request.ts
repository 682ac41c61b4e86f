import type { ModelCall } from '../../../exchange/model-call.ts';
import { isObject, type JsonObject, objectAt, toBytes } from '../json.ts';
import { outputLimit } from '../output-limit.ts';
import { notAvailable } from '../refusals.ts';
import { translateMessages, translateSystem } from './conversation.ts';
import { forbidsParallelCalls, translateToolChoice, translateTools } from './tools.ts';

/**
 * A request of the Messages API as one for a chat completion. What only nudges the model (`top_k`, `thinking`, marks
 * for caches) or concerns the account at the provider (`metadata`, `service_tier`) is left out. Throws `GatewayError`
 * for what cannot be expressed.
 */
export function messagesToChat(call: ModelCall): Buffer {
  const { body } = call;
  for (const field of ['mcp_servers', 'container']) {
    const value = body[field];
    if (value !== undefined && value !== null) throw notAvailable(field, 'is not available with this model.');
  }
  return toBytes({
    model: call.model.upstreamName,
    messages: [...translateSystem(body['system']), ...translateMessages(body['messages'])],
    max_completion_tokens: outputLimit(call),
    temperature: body['temperature'] ?? undefined,
    top_p: body['top_p'] ?? undefined,
    stop: stopOf(body['stop_sequences']),
    tools: translateTools(body['tools']),
    tool_choice: translateToolChoice(body),
    parallel_tool_calls: forbidsParallelCalls(body) ? false : undefined,
    response_format: responseFormat(body),
    // The usage of a message is part of its stream whether it was asked for or not.
    ...(call.isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
  });
}

function stopOf(sequences: unknown): unknown {
  return Array.isArray(sequences) && sequences.length > 0 ? sequences : undefined;
}

function responseFormat(body: JsonObject): JsonObject | undefined {
  const { format } = objectAt(body, 'output_config') as { format?: unknown };
  if (!isObject(format)) return undefined;
  if (format['type'] !== 'json_schema')
    throw notAvailable('output_config.format.type', 'must be "json_schema" for this model.');
  return { type: 'json_schema', json_schema: { name: 'answer', schema: format['schema'], strict: true } };
}
