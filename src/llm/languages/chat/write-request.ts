import type { ModelCall } from '../../../exchange/model-call.ts';
import type { ModelRequest, OutputFormat, Tool, ToolChoice } from '../../conversation/model-request.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { outputLimit } from '../output-limit.ts';
import { isStrictSchema } from '../schema-form.ts';
import { isOpenaiModel, reasons, takesEffort } from './chat-models.ts';
import { writeTurns } from './write-turns.ts';

const NO_PARAMETERS = { type: 'object', properties: {} };

/** A request for a chat completion. Values that are `undefined` are no fields. */
export function writeRequest(request: ModelRequest, call: ModelCall): JsonObject {
  const { upstreamName } = call.model;
  const { tools, stop } = request;
  const isFixed = isOpenaiModel(upstreamName) && reasons(upstreamName);
  const bound = isOpenaiModel(upstreamName) ? 'max_completion_tokens' : 'max_tokens';
  return {
    model: upstreamName,
    messages: writeTurns(request.turns, upstreamName),
    [bound]: outputLimit(call),
    temperature: isFixed ? undefined : request.temperature,
    top_p: isFixed ? undefined : request.topP,
    stop: stop.length > 0 ? stop : undefined,
    tools: tools.length > 0 ? tools.map(writeTool) : undefined,
    tool_choice: tools.length > 0 ? writeToolChoice(request.toolChoice) : undefined,
    parallel_tool_calls: tools.length > 0 && request.isSequential ? false : undefined,
    response_format: writeFormat(request.format),
    reasoning_effort: writeEffort(request, upstreamName),
    // Most clients of other languages are told what a stream used without asking.
    ...(call.isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
  };
}

function writeTool({ name, description, parameters }: Tool): JsonObject {
  return { type: 'function', function: { name, description, parameters: objectSchema(parameters) } };
}

/** OpenAI refuses a schema of an object that does not list its properties. */
function objectSchema(schema: JsonObject | undefined): JsonObject {
  if (!schema) return NO_PARAMETERS;
  const { type = 'object', properties } = schema;
  return type === 'object' && !isObject(properties) ? { ...schema, type, properties: {} } : { ...schema, type };
}

function writeToolChoice(choice: ToolChoice | undefined): unknown {
  return choice?.kind === 'one' ? { type: 'function', function: { name: choice.name } } : choice?.kind;
}

function writeFormat(format: OutputFormat | undefined): JsonObject | undefined {
  if (!format) return undefined;
  if (format.kind === 'object') return { type: 'json_object' };
  const { name, schema, isStrict } = format;
  return { type: 'json_schema', json_schema: { name, schema, strict: isStrict && isStrictSchema(schema) } };
}

/** Only a model that is known for it: others refuse the field. */
function writeEffort({ reasoning, tools }: ModelRequest, model: string): string | undefined {
  const effort = reasoning?.effort;
  if (effort === undefined || !takesEffort(model, tools.length > 0)) return undefined;
  return effort === 'max' || effort === 'xhigh' ? 'high' : effort;
}
