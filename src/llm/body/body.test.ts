import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Rejection } from '../../errors/rejection.ts';
import type { ParsedBody } from '../../exchange/model-call.ts';
import { editBody } from './edit-body.ts';
import { parseModelBody } from './parse-body.ts';

const SPACE = fc.constantFrom('', '', ' ', '\n', ' \t', '\r\n  ');

/** One JSON string in one of its many spellings. */
const written = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((escaped) => `"${Array.from(text, (char, i) => spell(char, escaped[i] === true)).join('')}"`);

function spell(char: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(char).slice(1, -1);
  return [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
}

const keys = fc.oneof(
  fc.constantFrom('model', 'messages', 'stream', '', '__proto__', 'a"b', 'a\\', '{', ']', ',', 'é', '🙂'),
  // Would be taken for the field `n`, and is refused.
  fc.string({ unit: 'grapheme', maxLength: 6 }).filter((key) => key !== 'N'),
);

/** A body as any client might write it: with the object it means. */
const bodies = fc.array(fc.tuple(keys, fc.jsonValue({ maxDepth: 3 })), { maxLength: 8 }).chain((fields) =>
  fc
    .tuple(
      ...fields.map(([key, value]) =>
        fc.tuple(written(key), SPACE, SPACE, SPACE, fc.constantFrom(undefined, 1)).map(([name, a, b, c, indent]) => ({
          key,
          text: `${a}${name}${b}:${c}${JSON.stringify(value, undefined, indent)}${a}`,
        })),
      ),
      SPACE,
    )
    .map((parts) => {
      const space = parts.at(-1) as string;
      const written = parts.slice(0, -1) as { key: string; text: string }[];
      return {
        keys: written.map(({ key }) => key),
        bytes: Buffer.from(`${space}{${space}${written.map(({ text }) => text).join(',')}}${space}`),
      };
    }),
);

function parse(text: string | Buffer): ParsedBody {
  const parsed = parseModelBody(Buffer.from(text));
  if (parsed instanceof Rejection) throw new Error(parsed.detail);
  return parsed;
}

function refusal(text: string | Buffer): string {
  const parsed = parseModelBody(Buffer.from(text));
  expect(parsed).toBeInstanceOf(Rejection);
  expect(parsed).toMatchObject({ code: 'VALIDATION_ERROR', status: 400 });
  return (parsed as Rejection).detail;
}

describe('a body is read', () => {
  test('as JSON.parse reads it, and refused exactly when two top-level keys are the same', () => {
    fc.assert(
      fc.property(bodies, ({ keys: written, bytes }) => {
        const parsed = parseModelBody(bytes);
        const isUnique = new Set(written).size === written.length;
        expect(parsed instanceof Rejection).toBe(!isUnique);
        if (parsed instanceof Rejection) return;
        expect(parsed.body).toEqual(JSON.parse(bytes.toString()));
        expect(parsed.spans.map(({ key }) => key)).toEqual(written);
      }),
    );
  });

  test('with every field found where its value stands', () => {
    fc.assert(
      fc.property(bodies, ({ bytes }) => {
        const parsed = parseModelBody(bytes);
        if (parsed instanceof Rejection) return;
        for (const { key, valueFrom, valueTo } of parsed.spans)
          expect(JSON.parse(bytes.toString('utf8', valueFrom, valueTo))).toEqual(parsed.body[key]);
      }),
    );
  });

  test.each([
    ['a key twice', '{"model":"a","n":1,"model":"b"}', '"model" stands in the request body twice.'],
    ['a key twice, once escaped', '{"model":"a","mod\\u0065l":"b"}', '"model" stands in the request body twice.'],
    ['a byte order mark', '\ufeff{}', 'byte order mark'],
    ['no JSON', '{"a":1,}', 'not valid JSON'],
    ['nothing', '', 'not valid JSON'],
    ['a list', '[{"model":"a"}]', 'must be a JSON object'],
    ['null', 'null', 'must be a JSON object'],
    ['a million lists', `{"a":[${'[],'.repeat(1_000_000)}[]]}`, 'too many parts'],
    ['a thousand fields and more', `{${Array.from({ length: 1_001 }, (_, i) => `"${i}":0`).join()}}`, 'too many parts'],
    ['an object nested without end', `{"a":${'['.repeat(200_000)}`, 'nested too deeply'],
  ])('and refused with %s', (_what, text, detail) => {
    expect(refusal(text)).toContain(detail);
  });

  test('and refused when it is not UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]])
      expect(refusal(Buffer.from([...Buffer.from('{"a":"'), ...bytes, ...Buffer.from('"}')]))).toContain('UTF-8');
  });

  test('with what stands twice below the top level left to the upstream', () => {
    expect(parse('{"a":{"b":1,"b":2},"c":[{"a":1}]}').spans).toHaveLength(2);
  });
});

describe('a changed body', () => {
  const values = fc.oneof(fc.constant(undefined), fc.jsonValue({ maxDepth: 2 }));

  test('reads as the object with the same changes', () => {
    fc.assert(
      fc.property(bodies, fc.array(fc.tuple(keys, values), { maxLength: 5 }), ({ bytes }, changes) => {
        const parsed = parseModelBody(bytes);
        if (parsed instanceof Rejection) return;
        const edits = Object.fromEntries(changes);
        const expected = new Map(Object.entries(JSON.parse(bytes.toString()) as object));
        for (const [key, value] of Object.entries(edits)) {
          if (value === undefined) expected.delete(key);
          else expected.set(key, JSON.parse(JSON.stringify(value)));
        }
        const edited = parse(editBody(bytes, parsed, edits));
        expect(new Map(Object.entries(edited.body))).toEqual(expected);
      }),
    );
  });

  test('keeps every other byte', () => {
    const bytes = Buffer.from('{ "model" : "a" ,\n "seed": 1e2, "x":"\\u00e9" }\n');
    const edited = editBody(bytes, parse(bytes), { model: 'b', seed: 100, stream: true });
    expect(edited.toString()).toBe('{ "model" : "b" ,\n "seed": 1e2, "x":"\\u00e9" ,"stream":true}\n');
    expect(editBody(bytes, parse(bytes), { model: undefined }).toString()).toBe('{\n "seed": 1e2, "x":"\\u00e9" }\n');
  });

  test('is the very buffer that came when nothing changes', () => {
    const bytes = Buffer.from('{"model":"a","stream":false}');
    const parsed = parse(bytes);
    expect(editBody(bytes, parsed, { model: 'a', stream: false, n: undefined })).toBe(bytes);
    expect(editBody(bytes, parsed, {})).toBe(bytes);
  });
});
