// Calls of tools: made when the request leaves no choice, with arguments made up from the tool's schema.
import { createHash } from 'node:crypto';

/** A tool as both APIs know it. */
export interface Tool {
  name: string;
  /** JSON schema of the arguments. */
  schema: unknown;
}

export interface ToolCall {
  id: string;
  name: string;
  /** JSON text. */
  written: string;
}

/** The call of a tool: texts are what was asked, numbers 1, truths true, in the order of the schema. */
export function callTool({ name, schema }: Tool, asked: string, idPrefix: string): ToolCall {
  const { properties } = (schema ?? {}) as { properties?: Record<string, { type?: unknown }> };
  const values = Object.entries(properties ?? {}).map(([key, { type }]) => [key, valueOf(type, asked)]);
  const written = JSON.stringify(Object.fromEntries(values));
  const id =
    idPrefix +
    createHash('sha256')
      .update(name + written)
      .digest('hex')
      .slice(0, 20);
  return { id, name, written };
}

function valueOf(type: unknown, asked: string): unknown {
  if (type === 'number' || type === 'integer') return 1;
  if (type === 'boolean') return true;
  return type === 'string' ? asked : null;
}

/** The text in two pieces, so that a stream of it has a middle. */
export function halves(text: string): [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}
