import type { ModelRequest, OutputFormat, ReasoningWish } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, numberAt, objectAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';
import { readInput } from './read-input.ts';
import { readToolChoice, readTools } from './read-tools.ts';

/** What only the provider that keeps the conversation can do, or what changes the meaning of the answer. */
const WITHOUT_COUNTERPART: readonly (readonly [field: string, isAsked: (value: unknown) => boolean, mend: string])[] = [
  ['previous_response_id', () => true, 'is not available with this model: send the whole conversation as "input".'],
  ['conversation', () => true, 'is not available with this model: send the whole conversation as "input".'],
  ['prompt', () => true, 'is not available with this model: send the text itself.'],
  ['background', (value) => value !== false, 'must be false for this model.'],
  ['top_logprobs', (value) => value !== 0, 'is not available with this model.'],
];

/** A request for a response (https://platform.openai.com/docs/api-reference/responses/create). */
export function readRequest(body: JsonObject): ModelRequest {
  for (const [field, isAsked, mend] of WITHOUT_COUNTERPART) {
    const value = body[field];
    if (value !== undefined && value !== null && isAsked(value)) throw notAvailable(field, mend);
  }
  const tools = readTools(body['tools']);
  return {
    turns: readInput(body),
    tools,
    toolChoice: readToolChoice(body['tool_choice']),
    isSequential: body['parallel_tool_calls'] === false,
    maxOutput: numberAt(body, 'max_output_tokens'),
    temperature: numberAt(body, 'temperature'),
    topP: numberAt(body, 'top_p'),
    stop: [],
    format: readFormat(objectAt(body, 'text')['format']),
    reasoning: readReasoning(body['reasoning']),
  };
}

function readFormat(format: unknown): OutputFormat | undefined {
  if (format === undefined || format === null) return undefined;
  if (!isObject(format)) throw malformed('text.format', 'must be an object.');
  const { type, name, schema, strict } = format;
  if (type === 'text') return undefined;
  if (type === 'json_object') return { kind: 'object', at: 'text.format' };
  if (type !== 'json_schema' || !isObject(schema))
    throw notAvailable('text.format', 'must have the type "text", or "json_schema" with a schema, for this model.');
  return { kind: 'schema', name: typeof name === 'string' ? name : 'answer', schema, isStrict: strict === true };
}

function readReasoning(reasoning: unknown): ReasoningWish | undefined {
  if (!isObject(reasoning)) return undefined;
  const effort = textAt(reasoning, 'effort') || undefined;
  const isShown = textAt(reasoning, 'summary') !== '';
  return effort === undefined && !isShown ? undefined : { effort, budget: undefined, isShown };
}
