import { type JsonObject, objectsAt, textAt } from '../../json.ts';

/** How the client of a Responses request knows its tools, beside their plain names. */
export interface ToolNames {
  /** Those that take one text instead of an object. */
  readonly freeform: ReadonlySet<string>;
  /** Those in a namespace, by the one name under which a model of another API is offered them. */
  readonly spaced: ReadonlyMap<string, { readonly namespace: string; readonly name: string }>;
}

export function toolNames(body: JsonObject): ToolNames {
  const tools = objectsAt(body, 'tools');
  const freeform = new Set(tools.filter(({ type }) => type === 'custom').map((tool) => textAt(tool, 'name')));
  const spaced = new Map<string, { namespace: string; name: string }>();
  for (const tool of tools) {
    if (tool['type'] !== 'namespace') continue;
    const namespace = textAt(tool, 'name');
    for (const inner of objectsAt(tool, 'tools')) {
      const name = textAt(inner, 'name');
      spaced.set(spacedName(namespace, name), { namespace, name });
    }
  }
  return { freeform, spaced };
}

/** Other APIs have no namespaces. */
export function spacedName(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace.replace(/_+$/, '')}__${name}`;
}
