import { canonicalPath } from '../edge/canonical-path.ts';

const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What is wrong with a path pattern, or `undefined`. Requests are matched in their one canonical spelling, so a pattern
 * in any other spelling would never match.
 */
export function patternMistake(pattern: string): string | undefined {
  const segments = pattern.slice(1).split('/');
  if (segments.slice(0, -1).includes('*')) return '* may only be the last segment';
  const parameters = segments.filter((segment) => segment.startsWith(':'));
  if (parameters.some((segment) => !PARAMETER.test(segment))) return 'a :name must be letters, digits and _';
  if (new Set(parameters).size < parameters.length) return 'a :name stands in the path twice';
  if (segments.some((segment) => segment !== '*' && segment.includes('*'))) return '* must be a whole segment';
  const canonical = canonicalPath(pattern);
  if (!('path' in canonical)) return `is no path a request can have: ${canonical.detail}`;
  return canonical.path === pattern ? undefined : `requests are matched as ${canonical.path}: write it so`;
}

/** What a pattern captures: the names of its `:name` segments, and `*`. */
export function capturesOf(pattern: string): ReadonlySet<string> {
  const segments = pattern.slice(1).split('/');
  return new Set(segments.filter((segment) => segment === '*' || segment.startsWith(':')));
}

/** Patterns of the same shape match the same paths: names of parameters do not tell them apart. */
export function shapeOf(pattern: string): string {
  return pattern.replace(/\/:[^/]+/g, '/:');
}
