import { writtenSchema } from '../config/reference/editor-schema.ts';
import { asNode } from '../config/text/normalize.ts';
import type { Dialect } from '../errors/dialect.ts';
import type { TSchema } from '../lib/schema-builder.ts';
import { BEARER, type Components, MASTER_KEY, type Scheme } from './components.ts';
import type { HttpMethod, JsonObject, Paths } from './paths.ts';

/** What is read along a schema of the configuration; fields in `clearable` may be `null`. */
interface Input {
  readonly schema: TSchema;
  readonly clearable: readonly string[];
}

/** One of the gateway's own operations, as far as it is described. */
export interface OwnOperation {
  readonly method: string;
  /** With `:name` for parameters. */
  readonly path: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly success: number;
  /** `undefined` for JSON. */
  readonly contentType: string | undefined;
  readonly body: Input | undefined;
  readonly query: Input | undefined;
  readonly response: TSchema;
  readonly access: 'none' | 'local' | 'master_key' | 'token' | 'token_or_key';
}

interface Sheets {
  readonly paths: Paths;
  readonly components: Components;
}

const SCHEMES: Readonly<Record<OwnOperation['access'], readonly Scheme[]>> = {
  none: [],
  local: [],
  master_key: [MASTER_KEY],
  token: [BEARER],
  token_or_key: [{ kind: 'header', name: 'X-API-Key' }, BEARER],
};

const DEFINITIONS = '#/components/schemas/';

export function addOwnOperation(operation: OwnOperation, dialect: Dialect, { paths, components }: Sheets): void {
  const { path, method, summary, aliases } = operation;
  const others = aliases.map((alias) => `\`${templateOf(alias)}\``).join(', ');
  paths.add(templateOf(path), method.toLowerCase() as HttpMethod, {
    tag: tagOf(path),
    isConditional: false,
    summary,
    description: others === '' ? summary : `${summary} Also at ${others}.`,
    members: {
      security: components.security(SCHEMES[operation.access]),
      ...(operation.query && { parameters: parametersOf(operation.query, components) }),
      ...(operation.body && { requestBody: bodyOf(operation.body, components) }),
      responses: { [operation.success]: answerOf(operation), ...components.errors(dialect, statusesOf(operation)) },
    },
  });
}

function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function tagOf(path: string): string {
  if (path.startsWith('/admin/')) return 'Administration';
  return /^(\/v1)?\/auth\//.test(path) ? 'Accounts' : 'Gateway';
}

function parametersOf({ schema }: Input, { schemas }: Components): JsonObject[] {
  const { properties, required } = writtenSchema(asNode(schema), { definitions: schemas, at: DEFINITIONS });
  return Object.entries(properties).map(([name, { description, ...field }]) => ({
    name,
    in: 'query',
    description,
    required: required?.includes(name) ?? false,
    schema: field,
  }));
}

function bodyOf({ schema, clearable }: Input, { schemas }: Components): JsonObject {
  const written = writtenSchema(asNode(schema), { definitions: schemas, at: DEFINITIONS });
  const cleared = Object.entries(written.properties).filter(([name]) => clearable.includes(name));
  const nullable = cleared.map(([name, field]) => [name, { anyOf: [field, { type: 'null' }] }]);
  const properties = { ...written.properties, ...Object.fromEntries(nullable) };
  return {
    required: (written.required?.length ?? 0) > 0,
    content: { 'application/json': { schema: { ...written, properties } } },
  };
}

function answerOf({ contentType, response }: OwnOperation): JsonObject {
  const description = asNode(response).description ?? 'Done.';
  return { description, content: { [contentType ?? 'application/json']: { schema: response } } };
}

function statusesOf({ access, path, query, body }: OwnOperation): number[] {
  return [
    ...(query || body ? [400] : []),
    ...(access === 'none' ? [] : [401, 429, 503]),
    ...(access === 'token' || access === 'token_or_key' ? [403] : []),
    ...(path.includes(':') ? [404] : []),
    ...(body ? [413, 415] : []),
  ];
}
