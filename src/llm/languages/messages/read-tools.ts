import type { Tool, ToolChoice } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';

export function readTools(tools: unknown): Tool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw malformed('tools', 'must be a list.');
  return tools.map(readTool);
}

function readTool(tool: unknown, i: number): Tool {
  const at = `tools[${i}]`;
  if (!isObject(tool) || textAt(tool, 'name') === '') throw malformed(at, 'must be an object with a name.');
  const { type, cache_control: cache, input_schema: parameters } = tool;
  // Tools of other types run at the provider, or are known to its models alone.
  if (type !== undefined && type !== null && type !== 'custom')
    throw notAvailable(`${at}.type`, 'must be "custom" for this model: describe the tool with "input_schema".');
  return {
    name: textAt(tool, 'name'),
    description: textAt(tool, 'description') || undefined,
    parameters: isObject(parameters) ? parameters : undefined,
    isStrict: tool['strict'] === true,
    isFreeform: false,
    ...(isObject(cache) ? { cache } : {}),
  };
}

export function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  const { type, name } = isObject(choice) ? choice : ({} as JsonObject);
  if (type === 'auto' || type === 'none') return { kind: type };
  if (type === 'any') return { kind: 'required' };
  if (type === 'tool' && typeof name === 'string') return { kind: 'one', name };
  throw malformed('tool_choice', 'must have the type "auto", "any", "none", or "tool" with a name.');
}

export function isSequential(body: JsonObject): boolean {
  return objectAt(body, 'tool_choice')['disable_parallel_tool_use'] === true;
}
