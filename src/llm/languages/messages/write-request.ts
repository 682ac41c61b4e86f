import type { ModelCall } from '../../../exchange/model-call.ts';
import type { ModelRequest, OutputFormat, Tool, ToolChoice } from '../../conversation/model-request.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { notAvailable } from '../../refusals.ts';
import { outputLimit } from '../output-limit.ts';
import { closedSchema } from '../schema-form.ts';
import { type ClaudeTraits, claudeTraits } from './claude-models.ts';
import { writeThinking } from './write-thinking.ts';
import { writeConversation } from './write-turns.ts';

/** The highest temperature of the Messages API; that of OpenAI's APIs goes up to 2. */
const HOTTEST = 1;
const NO_PARAMETERS = { type: 'object', properties: {} };

/** A request of the Messages API. Values that are `undefined` are no fields. */
export function writeRequest(request: ModelRequest, call: ModelCall): JsonObject {
  const { upstreamName } = call.model;
  const traits = claudeTraits(upstreamName);
  const { tools } = request;
  const maxTokens = limitFor(request, call, traits);
  const { thinking, effort } = writeThinking(request, traits, maxTokens);
  const format = writeFormat(request.format);
  return {
    model: upstreamName,
    ...writeConversation(request.turns),
    max_tokens: maxTokens,
    ...writeSampling(request, traits, thinking?.['type'] === 'enabled' || thinking?.['type'] === 'adaptive'),
    stop_sequences: writeStop(request.stop),
    tools: tools.length > 0 ? tools.map(writeTool) : undefined,
    tool_choice: tools.length > 0 ? writeToolChoice(request) : undefined,
    thinking,
    output_config: format || effort !== undefined ? { format, effort } : undefined,
    stream: call.isStream || undefined,
  };
}

/** The API has no default: where nobody sets a bound, one that does not cut usual answers off. */
function limitFor({ maxOutput }: ModelRequest, call: ModelCall, { usualOutput }: ClaudeTraits): number {
  const isBound = maxOutput !== undefined || call.model.maxOutputTokens !== undefined;
  return isBound ? outputLimit(call) : Math.max(usualOutput, call.maxOutputTokens);
}

/** Newer models refuse what older ones took: both at once, then either. Thinking allows for neither. */
function writeSampling({ temperature, topP }: ModelRequest, traits: ClaudeTraits, isThinking: boolean): JsonObject {
  if (isThinking || traits.sampling === 'none') return {};
  const cooled = temperature === undefined ? undefined : Math.min(temperature, HOTTEST);
  const isOne = traits.sampling === 'one' && cooled !== undefined;
  return { temperature: cooled, top_p: isOne ? undefined : topP };
}

/** The API refuses sequences of nothing but spaces. */
function writeStop(stop: readonly string[]): readonly string[] | undefined {
  const usable = stop.filter((sequence) => sequence.trim() !== '');
  return usable.length > 0 ? usable : undefined;
}

function writeTool({ name, description, parameters, cache }: Tool): JsonObject {
  return { name, description, input_schema: inputSchema(parameters), cache_control: cache };
}

function inputSchema(schema: JsonObject | undefined): JsonObject {
  if (!schema) return NO_PARAMETERS;
  return schema['type'] === undefined ? { type: 'object', ...schema } : schema;
}

/** The choice together with whether calls may be parallel, which the Messages API keeps in one place. */
function writeToolChoice({ toolChoice, isSequential }: ModelRequest): JsonObject | undefined {
  const choice = toolChoice && choiceOf(toolChoice);
  if (!isSequential || choice?.['type'] === 'none') return choice;
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

function choiceOf(choice: ToolChoice): JsonObject {
  if (choice.kind === 'one') return { type: 'tool', name: choice.name };
  return { type: choice.kind === 'required' ? 'any' : choice.kind };
}

function writeFormat(format: OutputFormat | undefined): JsonObject | undefined {
  if (!format) return undefined;
  if (format.kind === 'object')
    throw notAvailable(format.at, 'must have the type "text", or "json_schema" with a schema, for this model.');
  const schema = closedSchema(format.schema);
  return isObject(schema) ? { type: 'json_schema', schema } : undefined;
}
