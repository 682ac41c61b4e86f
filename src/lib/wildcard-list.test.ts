import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { holds, narrow, narrowAny } from './wildcard-list.ts';

/** Short names over few letters, so that lists often meet. */
const name = fc.stringMatching(/^[ab]{1,2}(:[ab]{1,2})?$/);
const entry = fc.oneof(
  name,
  name.map((text) => `${text}*`),
  fc.constantFrom('*', 'a:*', 'b:*'),
);
const list = fc.array(entry, { maxLength: 5 });
const optional = fc.option(list, { nil: undefined });

describe('a list of names with wildcards', () => {
  test.each([
    [['embed:write'], 'embed:write', true],
    [['embed:write'], 'embed:writer', false],
    [['embed:*'], 'embed:write', true],
    [['embed:*'], 'embed', false],
    [['embed:*'], 'embedded:write', false],
    [['read:portfolio'], 'read:portfolio', true],
    [['*'], 'write:recommendations', true],
    [[], 'embed:write', false],
    [['embed:write'], 'embed:*', false],
    [['*'], 'embed:*', true],
    [['em*ed'], 'embed', false],
  ])('%j holds %s: %s', (entries, wanted, isHeld) => {
    expect(holds(entries, wanted)).toBe(isHeld);
  });
});

describe('narrowing', () => {
  test('leaves what all lists hold, and nothing else', () => {
    fc.assert(
      fc.property(list, fc.array(optional, { maxLength: 3 }), entry, (held, further, wanted) => {
        const all = [held, ...further.filter((other) => other !== undefined)];
        expect(holds(narrow(held, ...further), wanted)).toBe(all.every((each) => holds(each, wanted)));
      }),
    );
  });

  test('does not depend on the order in which lists are taken', () => {
    fc.assert(
      fc.property(list, list, entry, (one, other, wanted) => {
        expect(holds(narrow(one, other), wanted)).toBe(holds(narrow(other, one), wanted));
      }),
    );
  });

  test('never widens: a list that says everything changes nothing, and an empty one leaves nothing', () => {
    fc.assert(
      fc.property(list, entry, (held, wanted) => {
        expect(holds(narrow(held, ['*']), wanted)).toBe(holds(held, wanted));
        expect(narrow(held, [])).toEqual([]);
      }),
    );
  });

  test('without any list is no narrowing, which is not the same as an empty list', () => {
    expect(narrowAny(undefined, undefined)).toBeUndefined();
    expect(narrowAny(undefined, [])).toEqual([]);
    expect(narrowAny(undefined, ['a'], undefined, ['*'])).toEqual(['a']);
  });
});
