import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { malformed, notAvailable } from '../refusals.ts';

/** `tools` of the Messages API as those of a chat completion; `undefined` when there are none. */
export function translateTools(tools: unknown): readonly JsonObject[] | undefined {
  if (tools === undefined || tools === null) return undefined;
  if (!Array.isArray(tools)) throw malformed('tools', 'must be a list.');
  return tools.length === 0 ? undefined : tools.map(translateTool);
}

function translateTool(tool: unknown, i: number): JsonObject {
  const param = `tools[${i}]`;
  if (!isObject(tool) || textAt(tool, 'name') === '') throw malformed(param, 'must be an object with a name.');
  // Tools of other types run at the provider, and only at that one.
  if (tool['type'] !== undefined && tool['type'] !== null && tool['type'] !== 'custom')
    throw notAvailable(`${param}.type`, 'must be "custom" for this model.');
  const { name, description, input_schema: parameters } = tool;
  return { type: 'function', function: { name, description, parameters } };
}

export function translateToolChoice(body: JsonObject): unknown {
  const { tool_choice: choice } = body;
  if (choice === undefined || choice === null || !hasTools(body)) return undefined;
  const { type, name } = isObject(choice) ? choice : ({} as JsonObject);
  if (type === 'auto' || type === 'none') return type;
  if (type === 'any') return 'required';
  if (type === 'tool' && typeof name === 'string') return { type: 'function', function: { name } };
  throw malformed('tool_choice', 'must have the type "auto", "any", "none", or "tool" with a name.');
}

export function forbidsParallelCalls(body: JsonObject): boolean {
  return hasTools(body) && objectAt(body, 'tool_choice')['disable_parallel_tool_use'] === true;
}

function hasTools({ tools }: JsonObject): boolean {
  return Array.isArray(tools) && tools.length > 0;
}
