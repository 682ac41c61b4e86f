import { expect, test } from '@jest/globals';
import Typebox from 'typebox';
import { Type } from './schema-builder.ts';

const note = { description: 'What it is for.', 'x-unit': 'list' };

/** Every builder, with and without options, and optional parts in every position. */
function schemasBy(library: typeof Type): object[] {
  const name = library.String({ pattern: '^[a-z]+$' });
  return [
    library.Boolean(),
    library.Boolean({ default: true, ...note }),
    library.Enum(['a', 'b']),
    library.Enum(['a', 'b'], { default: 'a', ...note }),
    library.Integer({ minimum: 1, ...note }),
    library.Literal('healthy'),
    library.Literal('healthy', note),
    library.Number({ maximum: 2 }),
    library.String(),
    library.Unknown(note),
    library.Unsafe<number>({ ...note, type: 'number' }),
    library.Array(library.Array(library.Integer(), note)),
    library.Record(library.String(), library.Unknown()),
    library.Record(name, library.Optional(library.Number()), { maxProperties: 2, ...note }),
    library.Object({}),
    library.Object({ a: library.Optional(library.String()) }, { additionalProperties: false }),
    library.Object({ a: library.Optional(library.Unsafe<number>(note)), b: library.Object({ c: name }, note) }, note),
    library.Object({ a: library.Unsafe<string>({ ...library.Optional(library.String()) }) }),
  ];
}

test('builds the same JSON Schema as the library, word for word and in the same order', () => {
  expect(schemasBy(Type).map((schema) => JSON.stringify(schema))).toEqual(
    schemasBy(Typebox).map((schema) => JSON.stringify(schema)),
  );
});

test('leaves the schema as it was that is made optional', () => {
  const schema = Type.String();
  Type.Optional(schema);
  expect(Type.Object({ schema })).toHaveProperty('required', ['schema']);
});
