import { describe, expect, test } from '@jest/globals';
import { compileRewrite } from './upstream-path.ts';

function rewrite(
  rule: { strip_prefix?: string; rewrite_path?: string },
  path: string,
  params = {},
  operation = false,
): string {
  return compileRewrite({ strip_prefix: undefined, rewrite_path: undefined, ...rule }, operation)(path, params);
}

describe('strip_prefix', () => {
  test('removes the prefix and always leaves a leading slash', () => {
    expect(rewrite({ strip_prefix: '/s' }, '/s')).toBe('/');
    expect(rewrite({ strip_prefix: '/s' }, '/s/')).toBe('/');
    expect(rewrite({ strip_prefix: '/s' }, '/s/a/s')).toBe('/a/s');
  });

  test('does not cut inside a segment', () => {
    expect(rewrite({ strip_prefix: '/s' }, '/sx/a')).toBe('/sx/a');
  });
});

describe('path', () => {
  test('is filled with what the match took', () => {
    expect(rewrite({ rewrite_path: '/v2/:id/x' }, '/a/7', { id: '7' })).toBe('/v2/7/x');
    expect(rewrite({ rewrite_path: '/v2/*' }, '/a/b/c', { '*': 'b/c' })).toBe('/v2/b/c');
    expect(rewrite({ rewrite_path: '/v2/*' }, '/a', {})).toBe('/v2/');
  });

  test('never carries a dot segment to the upstream', () => {
    expect(() => rewrite({ rewrite_path: '/v2/.:id/x' }, '/a/.', { id: '.' })).toThrow('INVALID_PATH');
  });
});

test('an operation loses its version, because the base path has one', () => {
  expect(rewrite({}, '/v1/chat/completions', {}, true)).toBe('/chat/completions');
  expect(rewrite({ strip_prefix: '/chat' }, '/chat/v1/models', {}, true)).toBe('/models');
  expect(rewrite({ strip_prefix: '/chat' }, '/chat/models', {}, true)).toBe('/models');
  expect(rewrite({}, '/v11/models', {}, true)).toBe('/v11/models');
});
