import type { ModelRequest, OutputFormat, ReasoningWish, RequestPart, Turn } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, numberAt, objectAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';
import { listedBlocks, readBlock, readInstruction } from './read-blocks.ts';
import { isSequential, readToolChoice, readTools } from './read-tools.ts';

/** A request of the Messages API (https://docs.claude.com/en/api/messages). */
export function readRequest(body: JsonObject): ModelRequest {
  for (const field of ['mcp_servers', 'container']) {
    const value = body[field];
    const isNone = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    if (!isNone) throw notAvailable(field, 'is not available with this model.');
  }
  const { stop_sequences: stop } = body;
  return {
    turns: [...readSystem(body['system']), ...readTurns(body['messages'])],
    tools: readTools(body['tools']),
    toolChoice: readToolChoice(body['tool_choice']),
    isSequential: isSequential(body),
    maxOutput: numberAt(body, 'max_tokens'),
    temperature: numberAt(body, 'temperature'),
    topP: numberAt(body, 'top_p'),
    stop: Array.isArray(stop) ? stop.filter((sequence) => typeof sequence === 'string') : [],
    format: readFormat(body),
    reasoning: readReasoning(body),
  };
}

function readSystem(system: unknown): Turn[] {
  if (system === undefined || system === null) return [];
  const parts = listedBlocks(system, 'system').map((block, i) => readInstruction(block, `system[${i}]`));
  return [{ role: 'system', at: 'system', parts }];
}

function readTurns(messages: unknown): Turn[] {
  if (!Array.isArray(messages)) throw malformed('messages', 'must be a list.');
  return messages.map((message: unknown, i) => {
    const at = `messages[${i}]`;
    if (!isObject(message)) throw malformed(at, 'must be an object.');
    const { role } = message;
    if (role !== 'user' && role !== 'assistant' && role !== 'system')
      throw malformed(`${at}.role`, 'must be "user", "assistant" or "system".');
    return { role, at, parts: readParts(message, role, `${at}.content`) };
  });
}

function readParts(message: JsonObject, role: Turn['role'], at: string): RequestPart[] {
  const blocks = listedBlocks(message['content'], at);
  return blocks.flatMap((block, i) =>
    role === 'system' ? [readInstruction(block, `${at}[${i}]`)] : readBlock(block, role, `${at}[${i}]`),
  );
}

function readFormat(body: JsonObject): OutputFormat | undefined {
  const { format } = objectAt(body, 'output_config') as { format?: unknown };
  const older = objectAt(body, 'output_format');
  const wanted = isObject(format) ? format : older;
  if (wanted['type'] === undefined) return undefined;
  if (wanted['type'] !== 'json_schema')
    throw notAvailable('output_config.format.type', 'must be "json_schema" for this model.');
  return { kind: 'schema', name: 'answer', schema: objectAt(wanted, 'schema'), isStrict: true };
}

/** Tokens of thought up to which an effort is reckoned lower. */
const LITTLE = 4_096;
const MUCH = 16_384;

function readReasoning(body: JsonObject): ReasoningWish | undefined {
  const thinking = objectAt(body, 'thinking');
  const effort = textAt(objectAt(body, 'output_config'), 'effort') || undefined;
  const isShown = thinking['display'] !== 'omitted';
  if (thinking['type'] === 'disabled') return { effort: 'none', budget: undefined, isShown };
  const budget = numberAt(thinking, 'budget_tokens');
  if (budget !== undefined) return { effort: effort ?? effortFor(budget), budget, isShown };
  return effort !== undefined || thinking['type'] !== undefined ? { effort, budget, isShown } : undefined;
}

function effortFor(budget: number): string {
  return budget <= LITTLE ? 'low' : budget <= MUCH ? 'medium' : 'high';
}
