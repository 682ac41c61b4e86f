import { DURATION_PATTERN } from '../lib/duration.ts';
import { SIZE_PATTERN } from '../lib/size.ts';
import { type PolicyKey, SHORTHANDS } from '../policies/schemas.ts';
import { asNode, type SchemaNode } from './normalize.ts';
import { writtenDefault } from './written-form.ts';

type JsonSchema = Record<string, unknown>;

const INTERPOLATION = { type: 'string', pattern: '\\$\\{' };

/**
 * The JSON Schema of the file as people write it, for editors: every value in long form, in short form or as `${…}`.
 * What the loader sees is narrower; this one must accept everything the loader accepts.
 */
export function editorSchema(schema: SchemaNode): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const body = section(schema, definitions);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Turnpike configuration',
    ...body,
    $defs: definitions,
  };
}

function field(node: SchemaNode, definitions: Record<string, JsonSchema>): JsonSchema {
  const description = node.description;
  const shown = node.default === undefined ? undefined : writtenDefault(node);
  return {
    ...(description !== undefined && { description }),
    ...(shown !== undefined && { default: shown }),
    ...shape(node, definitions),
  };
}

function shape(node: SchemaNode, definitions: Record<string, JsonSchema>): JsonSchema {
  const policy = node['x-policy'];
  if (policy !== undefined) return policyShape(node, policy as PolicyKey, definitions);
  if (node.properties) return { anyOf: [section(node, definitions), { type: 'null' }] };
  if (node.patternProperties) return record(node, definitions);
  const options = [...atom(node, definitions), INTERPOLATION, { type: 'null' }];
  return { anyOf: options };
}

function policyShape(node: SchemaNode, policy: PolicyKey, definitions: Record<string, JsonSchema>): JsonSchema {
  const { 'x-policy': _policy, ...plain } = node;
  definitions[policy] ??= node.properties ? section(plain, definitions) : { anyOf: atom(plain, definitions) };
  const shorthand = SHORTHANDS[policy];
  return {
    anyOf: [
      { $ref: `#/$defs/${policy}` },
      ...(shorthand ? [asNode(shorthand.schema)] : []),
      ...(node['x-switchable'] ? [{ const: false }] : []),
      INTERPOLATION,
      { type: 'null' },
    ],
  };
}

function section(node: SchemaNode, definitions: Record<string, JsonSchema>): JsonSchema {
  const properties = node.properties ?? {};
  const required = (node.required ?? []).filter((key) => properties[key]?.default === undefined);
  return {
    type: 'object',
    ...(node.description !== undefined && { description: node.description }),
    properties: mapFields(properties, definitions),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function record(node: SchemaNode, definitions: Record<string, JsonSchema>): JsonSchema {
  return {
    type: 'object',
    patternProperties: mapFields(node.patternProperties ?? {}, definitions),
    additionalProperties: false,
  };
}

function mapFields(
  fields: Readonly<Record<string, SchemaNode>>,
  definitions: Record<string, JsonSchema>,
): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(fields).map(([key, node]) => [key, field(node, definitions)]));
}

/** The ways a value without keys of its own may be written, `${…}` apart. */
function atom(node: SchemaNode, definitions: Record<string, JsonSchema>): JsonSchema[] {
  const unit = node['x-unit'];
  if (unit === 'duration') {
    const off = node['x-off'] ? [{ enum: ['off', false] }] : [];
    return [{ type: 'number', minimum: 0 }, { type: 'string', pattern: DURATION_PATTERN }, ...off];
  }
  if (unit === 'size')
    return [
      { type: 'number', minimum: 0 },
      { type: 'string', pattern: SIZE_PATTERN },
    ];
  if (unit === 'instant') return [{ type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}' }];
  if (node.type === 'array') return list(node, definitions);
  if (node.enum) return [{ enum: node.enum.includes('off') ? [...node.enum, true, false] : node.enum }];
  return [plain(node)];
}

function list(node: SchemaNode, definitions: Record<string, JsonSchema>): JsonSchema[] {
  const items = node.items ? field(node.items, definitions) : {};
  const bounds = pick(node, ['minItems', 'maxItems']);
  const one = node['x-unit'] === 'list' ? [items] : [];
  return [{ type: 'array', items, ...bounds }, ...one];
}

function plain(node: SchemaNode): JsonSchema {
  return pick(node, ['type', 'minimum', 'maximum', 'exclusiveMinimum', 'minLength', 'maxLength', 'pattern']);
}

function pick(node: SchemaNode, words: readonly (keyof SchemaNode)[]): JsonSchema {
  return Object.fromEntries(words.filter((word) => node[word] !== undefined).map((word) => [word, node[word]]));
}
