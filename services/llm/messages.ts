// POST /v1/messages, in Anthropic's shapes.
import { type Answer, eventAnswer, jsonAnswer } from './answer.ts';
import { type Completion, complete, textOf } from './completion.ts';
import { callTool, halves, type ToolCall } from './tool-call.ts';

type Body = Record<string, unknown>;

/** One block of content, whole and in a stream. */
interface Block {
  whole: object;
  empty: object;
  deltas: object[];
}

const ERROR_TYPES: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

/** The error body of Anthropic's API; its type follows from the status. */
export function messagesError(status: number, message: string): Answer {
  const type = ERROR_TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return jsonAnswer(status, { type: 'error', error: { type, message } });
}

export function answerMessages(body: Body, model: string): Answer {
  const { messages, system, max_tokens: maxTokens } = body;
  if (typeof maxTokens !== 'number' || maxTokens < 1) return messagesError(400, 'max_tokens: Field required');
  if (!Array.isArray(messages) || messages.length === 0)
    return messagesError(400, 'messages: at least one is required');
  const asked = textOf(messages.at(-1));
  const completion = complete({ model, prompt: textOf([system, messages]), asked, maxTokens });
  const call = callOf(body, asked);
  const block = call ? toolBlock(call) : textBlock(completion);
  const reasons = { stop: 'end_turn', length: 'max_tokens' };
  const stopReason = call ? 'tool_use' : reasons[completion.finishReason];
  return body['stream'] === true ? stream(completion, block, stopReason) : whole(completion, block, stopReason);
}

/** Only a request that asks for a call gets one: `tool_choice` `any` takes the first tool. */
function callOf(body: Body, asked: string): ToolCall | undefined {
  const tools = (body['tools'] ?? []) as { name: string; input_schema: unknown }[];
  const choice = (body['tool_choice'] ?? {}) as { type?: unknown; name?: unknown };
  if (choice.type !== 'any' && choice.type !== 'tool') return undefined;
  const tool = tools.find(({ name }) => choice.type === 'any' || name === choice.name);
  return tool && callTool({ name: tool.name, schema: tool.input_schema }, asked, 'toolu_');
}

function textBlock({ tokens }: Completion): Block {
  return {
    whole: { type: 'text', text: tokens.join('') },
    empty: { type: 'text', text: '' },
    deltas: tokens.map((text) => ({ type: 'text_delta', text })),
  };
}

function toolBlock({ id, name, written }: ToolCall): Block {
  const use = { type: 'tool_use', id, name };
  return {
    whole: { ...use, input: JSON.parse(written) },
    empty: { ...use, input: {} },
    deltas: halves(written).map((part) => ({ type: 'input_json_delta', partial_json: part })),
  };
}

function whole(completion: Completion, block: Block, stopReason: string): Answer {
  const used = usage(completion, completion.tokens.length);
  return jsonAnswer(200, message(completion, { content: [block.whole], stop_reason: stopReason, usage: used }));
}

function stream(completion: Completion, block: Block, stopReason: string): Answer {
  const opening = message(completion, { content: [], stop_reason: null, usage: usage(completion, 1) });
  const ending = { stop_reason: stopReason, stop_sequence: null };
  return eventAnswer([
    event('message_start', { message: opening }),
    event('content_block_start', { index: 0, content_block: block.empty }),
    event('ping', {}),
    ...block.deltas.map((delta) => event('content_block_delta', { index: 0, delta })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: ending, usage: { output_tokens: completion.tokens.length } }),
    event('message_stop', {}),
  ]);
}

function message({ id, model }: Completion, fields: object): object {
  return { id: `msg_${id}`, type: 'message', role: 'assistant', model, stop_sequence: null, ...fields };
}

function usage({ promptTokens }: Completion, outputTokens: number): object {
  return {
    input_tokens: promptTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: outputTokens,
  };
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
