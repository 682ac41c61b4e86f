import { describe, expect, test } from '@jest/globals';
import { groupPaths, innerPattern, templateOf } from './route-paths.ts';

const path = (pattern: string, strip_prefix?: string, rewrite_path?: string) => ({
  pattern,
  strip_prefix,
  rewrite_path,
});

describe('a path pattern', () => {
  test.each([
    ['/a', '/a'],
    ['/a/*', '/a/{rest}'],
    ['/*', '/{rest}'],
    ['/a/:id/b/:name', '/a/{id}/b/{name}'],
    ['/a/:rest/*', '/a/{rest}/{rest_}'],
  ])('%s is the template %s', (pattern, template) => {
    expect(templateOf(pattern)).toBe(template);
  });

  test.each([
    [path('/a/*'), '/a/*'],
    [path('/a/*', '/a'), '/*'],
    [path('/ab/*', '/a'), '/ab/*'],
    [path('/a/*', '/'), '/a/*'],
    [path('/a/:x', undefined, '/b/:x'), '/b/:x'],
  ])('%j leads to %s', (written, inner) => {
    expect(innerPattern(written)).toBe(inner);
  });

  test('stands for all that lead to the same place, the one clients know first', () => {
    const [v1, name, prefixed, other] = [path('/v1/*'), path('/a/*', '/a'), path('/s/a/*', '/s/a'), path('/b')];
    expect(groupPaths([name, prefixed, v1, other])).toEqual([
      { first: v1, others: [name, prefixed] },
      { first: other, others: [] },
    ]);
  });
});
