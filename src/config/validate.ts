import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { isAddressSetEntry } from '../lib/address-set.ts';
import { closestWord } from '../lib/closest-word.ts';
import { formatDuration } from '../lib/duration.ts';
import { ATOM_WORDS } from '../lib/schema-atoms.ts';
import { formatSize } from '../lib/size.ts';
import type { Path } from './config-error.ts';
import type { SchemaNode } from './text/normalize.ts';

export interface Mistake {
  readonly path: Path;
  readonly message: string;
}

/** Fills defaults into the value it is given and returns every mistake in it. */
export type Validator = (value: unknown) => Mistake[];

/** Compiles a schema of the configuration language. Compiling takes tens of milliseconds: keep the result. */
export function compileValidator(schema: SchemaNode): Validator {
  const ajv = new Ajv2020({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strict: true,
    // These halve the time to start: code is not generated three times nor polished, and our own schemas need no check.
    inlineRefs: false,
    validateSchema: false,
    code: { optimize: false },
  });
  for (const word of ATOM_WORDS) ajv.addKeyword(word);
  ajv.addFormat('address-range', isAddressSetEntry);
  ajv.addFormat('target-url', isTargetUrl);
  const validate = ajv.compile<unknown>(shareDefinitions(schema));
  return (value) => (validate(value) ? [] : (validate.errors ?? []).map((error) => describe(error, value)));
}

/**
 * The same schema with every policy moved to `$defs`: a policy stands in three places, and the validator would generate
 * its code three times. Secrets have become objects by then and are not looked at.
 */
function shareDefinitions(schema: SchemaNode): object {
  const definitions: Record<string, unknown> = {};
  const copy = (node: SchemaNode): unknown => {
    const policy = node['x-policy'];
    if (policy === undefined) return rebuild(node);
    definitions[policy] ??= rebuild(node);
    return { $ref: `#/$defs/${policy}` };
  };
  const rebuild = (node: SchemaNode): unknown => {
    if (node['x-unit'] === 'secret') return {};
    return {
      ...node,
      ...(node.properties && { properties: mapValues(node.properties, copy) }),
      ...(node.patternProperties && { patternProperties: mapValues(node.patternProperties, copy) }),
      ...(node.items && { items: copy(node.items) }),
    };
  };
  return { ...(rebuild(schema) as object), $defs: definitions };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function describe(error: ErrorObject, root: unknown): Mistake {
  const path = readPointer(error.instancePath, root);
  const schema = (error.parentSchema ?? {}) as SchemaNode;
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(path, String(params['additionalProperty']), schema);
    case 'required':
      return { path: [...path, String(params['missingProperty'])], message: 'is required' };
    case 'enum':
      return { path, message: oneOf(schema, error.data) };
    case 'type':
      return { path, message: `must be ${wantedType(schema)}` };
    case 'minimum':
    case 'exclusiveMinimum':
      return {
        path,
        message: `must be ${error.keyword === 'minimum' ? 'at least' : 'more than'} ${quantity(schema, params['limit'])}`,
      };
    case 'maximum':
      return { path, message: `must be at most ${quantity(schema, params['limit'])}` };
    case 'pattern':
    case 'format':
      return { path, message: `must be ${wantedForm(schema)}` };
    case 'minLength':
      return { path, message: shortest(Number(params['limit'])) };
    case 'minItems':
      return {
        path,
        message: `needs at least ${String(params['limit'])} ${params['limit'] === 1 ? 'entry' : 'entries'}`,
      };
    case 'uniqueItems':
      return { path: [...path, Number(params['i'])], message: 'stands in the list twice' };
    default:
      return { path, message: error.message ?? 'is not valid' };
  }
}

function unknownKey(path: Path, key: string, schema: SchemaNode): Mistake {
  const names = Object.values(schema.patternProperties ?? {})[0];
  if (names) return { path: [...path, key], message: 'is not a valid name' };
  const near = closestWord(key, Object.keys(schema.properties ?? {}));
  return { path: [...path, key], message: `unknown key${near === undefined ? '' : `, did you mean "${near}"?`}` };
}

function oneOf(schema: SchemaNode, data: unknown): string {
  const words = schema.enum ?? [];
  const near = typeof data === 'string' ? closestWord(data, words.map(String)) : undefined;
  return `must be ${words.length === 1 ? '' : 'one of '}${words.join(', ')}${near === undefined ? '' : `, did you mean "${near}"?`}`;
}

const WANTED: Readonly<Record<string, string>> = {
  duration: 'a duration such as 250ms, 30s, 5m, 1h',
  size: 'a size such as 64KiB, 1MiB',
  instant: 'a date such as 2027-01-31, or with time and offset 2027-01-31T12:00:00Z',
  'address-range': 'an IP address, a CIDR range such as 10.0.0.0/8, loopback or private',
  'target-url': 'an address such as http://10.0.0.7:8080/base, without user, query or fragment',
  object: 'a section of keys',
  array: 'a list',
  string: 'text: put it in quotes',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
};

function wantedType(schema: SchemaNode): string {
  const word = WANTED[schema['x-unit'] ?? ''] ?? WANTED[schema.type ?? ''] ?? 'something else';
  return `${word}${schema['x-off'] ? ', or off' : ''}`;
}

function wantedForm(schema: SchemaNode): string {
  return schema['x-form'] ?? WANTED[schema.format ?? ''] ?? `text that matches ${schema.pattern}`;
}

function shortest(characters: number): string {
  return characters === 1 ? 'must not be empty' : `must have at least ${characters} characters`;
}

function quantity(schema: SchemaNode, limit: unknown): string {
  if (schema['x-unit'] === 'duration') return formatDuration(Number(limit));
  if (schema['x-unit'] === 'size') return formatSize(Number(limit));
  return String(limit);
}

/** RFC 6901. Steps into arrays become numbers. */
function readPointer(pointer: string, root: unknown): Path {
  let at = root;
  return pointer
    .split('/')
    .slice(1)
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(at) ? Number(key) : key;
      at = (at as Record<string | number, unknown>)[step];
      return step;
    });
}

/** True for an absolute http or https address without user, query or fragment: what a target may be. */
function isTargetUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || /[\s\\]/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.hostname !== '' && url.username === '' && url.password === '' && !text.includes('?') && !text.includes('#')
  );
}
