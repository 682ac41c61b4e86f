import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Turns } from '../lib/turns.ts';
import { JsonBody } from './json-body.ts';
import { ObjectText } from './object-text.ts';

const longText = fc
  .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 80_000 }))
  .map(([text, length]) => text.repeat(Math.ceil(length / text.length)));
const objects = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue({ maxDepth: 2 }), longText), { maxKeys: 3 });
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.jsonValue({ maxDepth: 2 }),
    longText,
    fc.constant(undefined),
    objects.map((object) => new ObjectText(JSON.stringify(object), () => new Error('refused'))),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
})).value;

async function writtenSlowly(value: object): Promise<string> {
  const body = new JsonBody(value);
  await body.write(new Turns());
  return body.toString();
}

test('writes what JSON.stringify writes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(values, { maxLength: 4 }), async (list) => {
      expect(JSON.parse(await writtenSlowly(list))).toEqual(JSON.parse(JSON.stringify(list)));
      expect(await writtenSlowly(list)).toHaveLength(JSON.stringify(list).length);
    }),
    { numRuns: 30 },
  );
});

test.each(['[1]', 'x', `"${'x'.repeat(70_000)}"`, `{"a":"${'x'.repeat(70_000)}"`])(
  'refuses a text that is no object',
  async (text) => {
    const value = { input: new ObjectText(text, () => new Error('refused')) };
    await expect(writtenSlowly(value)).rejects.toThrow('refused');
    expect(() => new JsonBody(value).bytes).toThrow('refused');
  },
);
