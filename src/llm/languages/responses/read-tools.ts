import type { Tool, ToolChoice } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, objectsAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';
import { freeformTool } from '../freeform.ts';
import { spacedName } from './tool-names.ts';

/** Run at the provider, and offered by agents to every model: another one works without them. */
const LEFT_OUT: ReadonlySet<unknown> = new Set(['web_search', 'web_search_preview', 'image_generation']);

export function readTools(tools: unknown): Tool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw malformed('tools', 'must be a list.');
  return tools.flatMap(readTool);
}

function readTool(tool: unknown, i: number): Tool[] {
  const at = `tools[${i}]`;
  if (!isObject(tool)) throw malformed(at, 'must be an object.');
  const { type } = tool;
  if (LEFT_OUT.has(type)) return [];
  if (type === 'namespace') return readNamespace(tool, at);
  if (type !== 'function' && type !== 'custom')
    throw notAvailable(`${at}.type`, 'must be "function", "custom" or "namespace" for this model.');
  if (textAt(tool, 'name') === '') throw malformed(at, 'must be an object with a name.');
  return [type === 'function' ? readFunction(tool) : freeformTool(tool)];
}

function readNamespace(space: JsonObject, at: string): Tool[] {
  return objectsAt(space, 'tools').map((tool, i) => {
    if (tool['type'] !== 'function') throw notAvailable(`${at}.tools[${i}].type`, 'must be "function" for this model.');
    return { ...readFunction(tool), name: spacedName(textAt(space, 'name'), textAt(tool, 'name')) };
  });
}

function readFunction(tool: JsonObject): Tool {
  const { parameters } = tool as { parameters?: unknown };
  return {
    name: textAt(tool, 'name'),
    description: textAt(tool, 'description') || undefined,
    parameters: isObject(parameters) ? parameters : undefined,
    isStrict: tool['strict'] === true,
    isFreeform: false,
  };
}

export function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'none' || choice === 'auto' || choice === 'required') return { kind: choice };
  const { type, name } = (isObject(choice) ? choice : {}) as { type?: unknown; name?: unknown };
  if ((type === 'function' || type === 'custom') && typeof name === 'string') return { kind: 'one', name };
  throw notAvailable('tool_choice', 'must be "none", "auto", "required" or name one function for this model.');
}
