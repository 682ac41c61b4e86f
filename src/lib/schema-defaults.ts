import type { Static, TSchema } from './schema-builder.ts';

interface Described {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Described>>;
}

/** What a section reads when nothing of it is written: every default of its schema. */
export function defaultsOf<S extends TSchema>(schema: S): Static<S> {
  return collect(schema) as Static<S>;
}

function collect(node: Described): Record<string, unknown> {
  const entries = Object.entries(node.properties ?? {}).filter(([, field]) => field.default !== undefined);
  return Object.fromEntries(
    entries.map(([key, field]) => [key, field.properties ? collect(field) : structuredClone(field.default)]),
  );
}
