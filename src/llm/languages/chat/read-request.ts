import { unpackSeal } from '../../conversation/seal.ts';
import type { ModelRequest, OutputFormat, RequestPart, Turn } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, numberAt, objectsAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';
import { readContent, readWords } from './read-parts.ts';
import { readToolChoice, readTools } from './read-tools.ts';

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

/** A request for a chat completion (https://platform.openai.com/docs/api-reference/chat/create). */
export function readRequest(body: JsonObject): ModelRequest {
  for (const [field, isAsked, mend] of WITHOUT_COUNTERPART) {
    const value = body[field];
    if (value !== undefined && value !== null && isAsked(value)) throw notAvailable(field, mend);
  }
  const effort = textAt(body, 'reasoning_effort');
  return {
    turns: readTurns(body['messages']),
    tools: readTools(body['tools']),
    toolChoice: readToolChoice(body['tool_choice']),
    isSequential: body['parallel_tool_calls'] === false,
    maxOutput: numberAt(body, 'max_completion_tokens') ?? numberAt(body, 'max_tokens'),
    temperature: numberAt(body, 'temperature'),
    topP: numberAt(body, 'top_p'),
    stop: readStop(body['stop']),
    format: readFormat(body['response_format']),
    reasoning: effort === '' ? undefined : { effort, budget: undefined, isShown: true },
  };
}

function readTurns(messages: unknown): Turn[] {
  if (!Array.isArray(messages)) throw malformed('messages', 'must be a list.');
  return messages.map((message: unknown, i) => {
    const at = `messages[${i}]`;
    if (!isObject(message)) throw malformed(at, 'must be an object.');
    return readTurn(message, at);
  });
}

function readTurn(message: JsonObject, at: string): Turn {
  const { role, content } = message;
  switch (role) {
    case 'system':
    case 'developer':
      return { role: 'system', at, parts: marked(readWords(content, `${at}.content`), message) };
    case 'user':
      return { role, at, parts: marked(readContent(content, `${at}.content`), message) };
    case 'assistant':
      return { role, at, parts: marked(readAssistant(message, at), message) };
    case 'tool':
      return { role: 'user', at, parts: marked([readResult(message, at)], message) };
    default:
      throw notAvailable(`${at}.role`, 'must be system, developer, user, assistant or tool for this model.');
  }
}

/** A mark for caches on the message itself is one on its last part. */
function marked(parts: readonly RequestPart[], message: JsonObject): readonly RequestPart[] {
  const { cache_control: cache } = message as { cache_control?: unknown };
  const last = parts.at(-1);
  return isObject(cache) && last ? [...parts.slice(0, -1), { ...last, cache }] : parts;
}

function readAssistant(message: JsonObject, at: string): RequestPart[] {
  const { content, tool_calls: calls, function_call: older } = message;
  if (older !== undefined && older !== null)
    throw notAvailable(`${at}.function_call`, 'is not available with this model: use "tool_calls".');
  const said = content === undefined || content === null ? [] : readWords(content, `${at}.content`);
  const refusal = textAt(message, 'refusal');
  return [
    ...readThoughts(message, at),
    ...said,
    ...(refusal === '' ? [] : [{ kind: 'refusal', text: refusal, at: `${at}.refusal` } as const]),
    ...readCalls(calls, `${at}.tool_calls`),
  ];
}

/** With their signatures, as LiteLLM's `thinking_blocks`, or as plain text. */
function readThoughts(message: JsonObject, at: string): RequestPart[] {
  const blocks = objectsAt(message, 'thinking_blocks');
  if (blocks.length > 0) return blocks.map((block) => readThought(block, `${at}.thinking_blocks`));
  for (const field of ['reasoning_content', 'reasoning']) {
    const text = textAt(message, field);
    if (text !== '') return [{ kind: 'reasoning', text, seal: { origin: 'chat', data: field }, at: `${at}.${field}` }];
  }
  return [];
}

function readThought(block: JsonObject, at: string): RequestPart {
  const isHidden = block['type'] === 'redacted_thinking';
  const data = textAt(block, isHidden ? 'data' : 'signature');
  const hidden = isHidden ? { isHidden } : {};
  const seal = unpackSeal(data) ?? (data === '' ? undefined : { origin: 'messages' as const, data, ...hidden });
  return { kind: 'reasoning', text: textAt(block, 'thinking'), seal, at };
}

function readCalls(calls: unknown, at: string): RequestPart[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls)) throw malformed(at, 'must be a list.');
  return calls.flatMap((call: unknown, i) => readCall(call, `${at}[${i}]`));
}

function readCall(call: unknown, at: string): RequestPart[] {
  const { function: called, custom } = (isObject(call) ? call : {}) as { function?: unknown; custom?: unknown };
  if (!isObject(call) || !(isObject(called) || isObject(custom))) throw malformed(at, 'must be a call of a function.');
  const id = textAt(call, 'id');
  if (isObject(custom)) {
    const input = JSON.stringify({ input: textAt(custom, 'input') });
    return [{ kind: 'call', id, name: textAt(custom, 'name'), input, at: `${at}.custom.input` }];
  }
  const { name, arguments: written } = called as JsonObject;
  const input = typeof written === 'string' ? written : JSON.stringify(written ?? {});
  return [{ kind: 'call', id, name: String(name), input, at: `${at}.function.arguments` }];
}

function readResult(message: JsonObject, at: string): RequestPart {
  const callId = textAt(message, 'tool_call_id');
  if (callId === '') throw malformed(`${at}.tool_call_id`, 'must name the call that is answered.');
  return { kind: 'result', callId, isError: false, parts: readContent(message['content'] ?? '', `${at}.content`), at };
}

function readStop(stop: unknown): string[] {
  return [stop].flat().filter((sequence) => typeof sequence === 'string');
}

function readFormat(format: unknown): OutputFormat | undefined {
  if (format === undefined || format === null) return undefined;
  if (!isObject(format)) throw malformed('response_format', 'must be an object.');
  if (format['type'] === 'text') return undefined;
  if (format['type'] === 'json_object') return { kind: 'object', at: 'response_format' };
  const { json_schema: wanted } = format as { json_schema?: unknown };
  if (format['type'] !== 'json_schema' || !isObject(wanted) || !isObject(wanted['schema']))
    throw notAvailable('response_format', 'must have the type "text", or "json_schema" with a schema, for this model.');
  const { name, schema, strict } = wanted;
  return { kind: 'schema', name: String(name), schema: schema as JsonObject, isStrict: strict === true };
}
