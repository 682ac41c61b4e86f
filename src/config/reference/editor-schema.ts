import { DURATION_PATTERN } from '../../lib/duration.ts';
import { SIZE_PATTERN } from '../../lib/size.ts';
import { type PolicyKey, SHORTHANDS } from '../../policies/schemas.ts';
import { asNode, type SchemaNode } from '../text/normalize.ts';
import { writtenDefault } from '../text/written-form.ts';

type JsonSchema = Record<string, unknown>;

/** The schema of a section. */
interface WrittenSection extends JsonSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Where schemas of the written form are put together. */
interface Sheet {
  /** Policies, by name: each is written once. */
  readonly definitions: Record<string, JsonSchema>;
  /** Reference to the definitions, up to the name. */
  readonly at: string;
  /** What may stand in place of any value. */
  readonly standIns: readonly JsonSchema[];
}

const INTERPOLATION = { type: 'string', pattern: '\\$\\{' };
const NOTHING = { type: 'null' };

/**
 * The JSON Schema of the file as people write it, for editors: every value in long form, in short form or as `${…}`.
 * What the loader sees is narrower; this one must accept everything the loader accepts.
 */
export function editorSchema(schema: SchemaNode): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const body = section(schema, { definitions, at: '#/$defs/', standIns: [INTERPOLATION, NOTHING] });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Turnpike configuration',
    ...body,
    $defs: definitions,
  };
}

/** The same for a section that is sent as JSON: no `${…}`. `at` refers to `definitions`, up to the name. */
export function writtenSchema(
  schema: SchemaNode,
  { definitions, at }: Pick<Sheet, 'definitions' | 'at'>,
): WrittenSection {
  return section(schema, { definitions, at, standIns: [] });
}

function field(node: SchemaNode, sheet: Sheet): JsonSchema {
  const description = node.description;
  const shown = node.default === undefined ? undefined : writtenDefault(node);
  return {
    ...(description !== undefined && { description }),
    ...(shown !== undefined && { default: shown }),
    ...shape(node, sheet),
  };
}

function shape(node: SchemaNode, sheet: Sheet): JsonSchema {
  const policy = node['x-policy'];
  if (policy !== undefined) return anyOf([...policyForms(node, policy as PolicyKey, sheet), ...sheet.standIns]);
  if (node.properties) return anyOf([section(node, sheet), ...sheet.standIns.filter((form) => form === NOTHING)]);
  if (node.patternProperties) return record(node, sheet);
  return anyOf([...atom(node, sheet), ...sheet.standIns]);
}

function anyOf(forms: readonly JsonSchema[]): JsonSchema {
  const [first, second] = forms;
  return first && !second ? first : { anyOf: forms };
}

function policyForms(node: SchemaNode, policy: PolicyKey, sheet: Sheet): JsonSchema[] {
  const { 'x-policy': _policy, ...plain } = node;
  const { definitions, at } = sheet;
  definitions[policy] ??= node.properties ? section(plain, sheet) : { anyOf: atom(plain, sheet) };
  const shorthand = SHORTHANDS[policy];
  return [
    { $ref: at + policy },
    ...(shorthand ? [asNode(shorthand.schema)] : []),
    ...(node['x-switchable'] ? [{ const: false }] : []),
  ] as JsonSchema[];
}

function section(node: SchemaNode, sheet: Sheet): WrittenSection {
  const properties = node.properties ?? {};
  const required = (node.required ?? []).filter((key) => properties[key]?.default === undefined);
  return {
    type: 'object',
    ...(node.description !== undefined && { description: node.description }),
    properties: mapFields(properties, sheet),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function record(node: SchemaNode, sheet: Sheet): JsonSchema {
  return {
    type: 'object',
    patternProperties: mapFields(node.patternProperties ?? {}, sheet),
    additionalProperties: false,
  };
}

function mapFields(fields: Readonly<Record<string, SchemaNode>>, sheet: Sheet): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(fields).map(([key, node]) => [key, field(node, sheet)]));
}

/** The ways a value without keys of its own may be written, what may stand for any value apart. */
function atom(node: SchemaNode, sheet: Sheet): JsonSchema[] {
  const unit = node['x-unit'];
  if (unit === 'duration' || unit === 'size') {
    const off = node['x-off'] ? [{ enum: ['off', false] }] : [];
    const pattern = unit === 'duration' ? DURATION_PATTERN : SIZE_PATTERN;
    return [{ type: 'number', minimum: 0 }, { type: 'string', pattern }, ...off];
  }
  if (unit === 'instant') return [{ type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}' }];
  if (node.type === 'array') return list(node, sheet);
  if (node.enum) return [{ enum: node.enum.includes('off') ? [...node.enum, true, false] : node.enum }];
  return [plain(node)];
}

function list(node: SchemaNode, sheet: Sheet): JsonSchema[] {
  const items = node.items ? field(node.items, sheet) : {};
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
