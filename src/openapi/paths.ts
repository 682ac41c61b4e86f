/** Part of an OpenAPI document. */
export type JsonObject = Record<string, unknown>;

export type HttpMethod = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch' | 'trace';

export interface Operation {
  readonly tag: string;
  /** It only answers requests of some hosts, or with certain headers. */
  readonly isConditional: boolean;
  readonly summary: string;
  readonly description: string;
  /** Further members of the operation object. */
  readonly members: JsonObject;
}

interface PathItem {
  readonly template: string;
  readonly operations: Map<string, Operation>;
}

const PARAMETER = /\{([^}]+)\}/g;

/**
 * The paths of a document. OpenAPI knows one operation per method and path, and takes paths that differ only in the
 * names of parameters for the same. What comes later to a taken place is told in the description of what is there, or
 * left out when it can never be reached.
 */
export class Paths {
  /** By shape. */
  private readonly found = new Map<string, PathItem>();
  private readonly ids = new Set<string>();
  private readonly tagNames = new Set<string>();

  /** Tags are listed in the order in which they were first named. */
  declareTag(name: string): void {
    this.tagNames.add(name);
  }

  add(template: string, method: HttpMethod, operation: Operation): void {
    const shape = template.replace(PARAMETER, '{}');
    const item = this.found.get(shape) ?? { template, operations: new Map() };
    this.found.set(shape, item);
    this.declareTag(operation.tag);
    const present = item.operations.get(method);
    if (present && !present.isConditional && !operation.isConditional) return;
    item.operations.set(method, present ? joined(present, operation) : operation);
  }

  items(): JsonObject {
    return Object.fromEntries([...this.found.values()].map((item) => [item.template, this.item(item)]));
  }

  tags(): object[] {
    return [...this.tagNames].map((name) => ({ name }));
  }

  private item({ template, operations }: PathItem): JsonObject {
    const parameters = [...template.matchAll(PARAMETER)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    }));
    const described = [...operations].map(([method, { tag, summary, description, members }]) => {
      const operationId = this.idOf(`${method}${template}`);
      return [method, { tags: [tag], summary, description, operationId, ...members }];
    });
    return { ...(parameters.length > 0 && { parameters }), ...Object.fromEntries(described) };
  }

  private idOf(text: string): string {
    const plain = text.replace(/[^A-Za-z0-9]+/g, '_').replace(/_$/, '');
    let id = plain;
    for (let i = 2; this.ids.has(id); i++) id = `${plain}_${i}`;
    this.ids.add(id);
    return id;
  }
}

/** Two operations at one place, described by the first. */
function joined(present: Operation, further: Operation): Operation {
  return {
    ...present,
    isConditional: present.isConditional && further.isConditional,
    description: `${present.description}\n\nElsewhere here: ${further.description}`,
  };
}
