import { isObject, type JsonObject } from '../json.ts';

/** Deeper schemas than any real one are left as they are. */
const DEEPEST = 50;

/** True when OpenAI takes the schema as a strict one: every object lists all its properties as required, and no others. */
export function isStrictSchema(schema: unknown, depth = 0): boolean {
  if (Array.isArray(schema)) return schema.every((item) => isStrictSchema(item, depth + 1));
  if (!isObject(schema) || depth > DEEPEST) return true;
  const { properties, required, additionalProperties } = schema as JsonObject & { properties?: unknown };
  if (isObject(properties)) {
    const names = Object.keys(properties);
    const listed = Array.isArray(required) ? required : [];
    if (additionalProperties !== false || !names.every((name) => listed.includes(name))) return false;
  }
  return Object.values(schema).every((value) => isStrictSchema(value, depth + 1));
}

/** The schema with every object closed, which Anthropic asks of a format. */
export function closedSchema(schema: unknown, depth = 0): unknown {
  if (Array.isArray(schema)) return schema.map((item) => closedSchema(item, depth + 1));
  if (!isObject(schema) || depth > DEEPEST) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closedSchema(value, depth + 1)]));
  const isOpen = schema['type'] === 'object' && schema['additionalProperties'] === undefined;
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}
