/**
 * The builders of TypeBox that schemas here are written with, and its types. A schema is plain JSON Schema, and these
 * few functions make the same objects as the library: loading it takes 370 modules and 140 ms, a fifth of a start, most
 * of it for a type language that nothing here uses. A test holds every builder against the library's own.
 */

import type Typebox from 'typebox';

export type { Static, TOptional, TProperties, TSchema, TUnsafe } from 'typebox';

type Builders = Pick<
  typeof Typebox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Unknown'
  | 'Unsafe'
>;

type Words = Readonly<Record<string | symbol, unknown>>;

/** Marks an optional property. Not enumerable, so that a copy of the schema is required again. */
const OPTIONAL = Symbol('optional');

function buildObject(properties: Readonly<Record<string, object>>, options: Words = {}): Words {
  const names = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name] ?? {}, OPTIONAL));
  return { type: 'object', ...(names.length > 0 ? { required: names } : {}), properties, ...options };
}

function buildOptional(schema: Words): Words {
  return Object.defineProperty({ ...schema }, OPTIONAL, { value: true });
}

/** The names are bound by the pattern of their schema. */
function buildRecord({ pattern = '^.*$' }: { pattern?: string }, value: Words, options: Words = {}): Words {
  return { type: 'object', patternProperties: { [pattern]: value }, ...options };
}

const builders = {
  Array: (items: Words, options: Words = {}): Words => ({ type: 'array', items, ...options }),
  Boolean: (options: Words = {}): Words => ({ type: 'boolean', ...options }),
  Enum: (words: readonly (string | number)[], options: Words = {}): Words => ({ enum: words, ...options }),
  Integer: (options: Words = {}): Words => ({ type: 'integer', ...options }),
  Literal: (value: string, options: Words = {}): Words => ({ type: 'string', const: value, ...options }),
  Number: (options: Words = {}): Words => ({ type: 'number', ...options }),
  Object: buildObject,
  Optional: buildOptional,
  Record: buildRecord,
  String: (options: Words = {}): Words => ({ type: 'string', ...options }),
  Unknown: (options: Words = {}): Words => ({ ...options }),
  Unsafe: (schema: Words): Words => ({ ...schema }),
};

/** Builds schemas whose static types are TypeBox's. Literals are texts. */
export const Type = builders as unknown as Builders;
