import type { TSchema } from '../lib/schema-builder.ts';
import { asNode, type SchemaNode } from './normalize.ts';

/** What a section reads when nothing of it is written: every default of its schema. */
export function defaultsOf(schema: TSchema): Record<string, unknown> {
  return collect(asNode(schema));
}

function collect(node: SchemaNode): Record<string, unknown> {
  const entries = Object.entries(node.properties ?? {}).filter(([, field]) => field.default !== undefined);
  return Object.fromEntries(
    entries.map(([key, field]) => [key, field.properties ? collect(field) : structuredClone(field.default)]),
  );
}
