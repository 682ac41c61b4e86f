import type { Tool, ToolChoice } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';
import { freeformTool } from '../freeform.ts';

export function readTools(tools: unknown): Tool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw malformed('tools', 'must be a list.');
  return tools.map(readTool);
}

function readTool(tool: unknown, i: number): Tool {
  const at = `tools[${i}]`;
  if (!isObject(tool)) throw malformed(at, 'must be an object.');
  const { type } = tool;
  if (type !== 'function' && type !== 'custom')
    throw notAvailable(`${at}.type`, 'must be "function" or "custom" for this model.');
  const described = tool[type];
  if (!isObject(described) || textAt(described, 'name') === '')
    throw malformed(`${at}.${type}`, 'must be an object with a name.');
  const { cache_control: cache } = { ...described, ...tool } as { cache_control?: unknown };
  return {
    ...(type === 'function' ? readFunction(described) : freeformTool(described)),
    ...(isObject(cache) ? { cache } : {}),
  };
}

function readFunction(described: JsonObject): Tool {
  const { parameters } = described as { parameters?: unknown };
  return {
    name: textAt(described, 'name'),
    description: textAt(described, 'description') || undefined,
    parameters: isObject(parameters) ? parameters : undefined,
    isStrict: described['strict'] === true,
    isFreeform: false,
  };
}

export function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'none' || choice === 'auto' || choice === 'required') return { kind: choice };
  const { function: wanted, custom } = (isObject(choice) ? choice : {}) as { function?: unknown; custom?: unknown };
  const named = isObject(wanted) ? wanted : isObject(custom) ? custom : {};
  const name = textAt(named, 'name');
  if (name !== '') return { kind: 'one', name };
  throw notAvailable('tool_choice', 'must be "none", "auto", "required" or name one function for this model.');
}
