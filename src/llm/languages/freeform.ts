import type { Tool } from '../conversation/model-request.ts';
import { isObject, type JsonObject, parseObject, textAt } from '../json.ts';

/** What a model is told that such a tool takes. */
const ONE_TEXT = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

/** A tool whose input is a text, perhaps of a grammar, which a model can only learn from the description. */
export function freeformTool(described: JsonObject): Tool {
  const { format } = described as { format?: unknown };
  const { grammar } = (isObject(format) ? format : {}) as { grammar?: unknown };
  const rules = isObject(grammar) ? grammar : isObject(format) ? format : {};
  const description = [textAt(described, 'description'), textAt(rules, 'definition')].filter(Boolean).join('\n\n');
  return {
    name: textAt(described, 'name'),
    description: description || undefined,
    parameters: ONE_TEXT,
    isStrict: false,
    isFreeform: true,
  };
}

/** The text in the object by which a model calls such a tool. */
export function freeformInput(input: string): string {
  const { input: text } = parseObject(input) ?? {};
  return typeof text === 'string' ? text : input;
}
