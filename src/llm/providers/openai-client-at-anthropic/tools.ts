import { isObject, type JsonObject, textAt } from '../json.ts';
import { malformed, notAvailable } from '../refusals.ts';

const NO_PARAMETERS = { type: 'object', properties: {} };

/** `tools` of a chat completion as those of the Messages API; `undefined` when there are none. */
export function translateTools(tools: unknown): readonly JsonObject[] | undefined {
  if (tools === undefined || tools === null) return undefined;
  if (!Array.isArray(tools)) throw malformed('tools', 'must be a list.');
  return tools.length === 0 ? undefined : tools.map(translateTool);
}

function translateTool(tool: unknown, i: number): JsonObject {
  const param = `tools[${i}]`;
  if (!isObject(tool)) throw malformed(param, 'must be an object.');
  if (tool['type'] !== 'function') throw notAvailable(`${param}.type`, 'must be "function" for this model.');
  const { function: described } = tool as { function?: unknown };
  if (!isObject(described) || textAt(described, 'name') === '')
    throw malformed(`${param}.function`, 'must be an object with a name.');
  return {
    name: described['name'],
    description: described['description'] ?? undefined,
    input_schema: described['parameters'] ?? NO_PARAMETERS,
  };
}

/** `tool_choice` together with `parallel_tool_calls`, which the Messages API keeps in one place. */
export function translateToolChoice(body: JsonObject): JsonObject | undefined {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = body;
  if (!Array.isArray(tools) || tools.length === 0) return undefined;
  const translated = translateChoice(choice);
  if (parallel !== false || translated?.['type'] === 'none') return translated;
  return { ...(translated ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

function translateChoice(choice: unknown): JsonObject | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'none' || choice === 'auto') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  const { function: wanted } = (isObject(choice) ? choice : {}) as { function?: unknown };
  if (isObject(wanted) && textAt(wanted, 'name') !== '') return { type: 'tool', name: wanted['name'] };
  throw notAvailable('tool_choice', 'must be "none", "auto", "required" or name one function for this model.');
}
