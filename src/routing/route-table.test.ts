import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EdgeRequest } from '../edge/edge-request.ts';
import { HeaderList } from '../edge/header-list.ts';
import { type RouteEntry, RouteTable } from './route-table.ts';

function entry(value: string, paths: string[], more: Partial<RouteEntry<string>> = {}): RouteEntry<string> {
  return { value, paths, hosts: [], methods: [], headers: {}, ...more };
}

function request(path: string, more: { method?: string; host?: string; headers?: string[] } = {}): EdgeRequest {
  const headers = HeaderList.from(more.headers ?? []);
  return { path, method: more.method ?? 'GET', host: more.host ?? 'gateway.test', headers } as unknown as EdgeRequest;
}

function find(entries: RouteEntry<string>[], edge: EdgeRequest): string | readonly string[] | undefined {
  const lookup = new RouteTable(entries).find(edge);
  if (lookup.kind === 'found') return lookup.value;
  return lookup.kind === 'wrong_method' ? lookup.allow : undefined;
}

describe('paths', () => {
  test('a segment is matched whole: /apiadmin, /api. and /API are not /api', () => {
    const entries = [entry('api', ['/api', '/api/*'])];
    for (const path of ['/apiadmin', '/api.', '/API', '/ap', '/']) expect(find(entries, request(path))).toBeUndefined();
    for (const path of ['/api', '/api/', '/api/x', '/api/x/y']) expect(find(entries, request(path))).toBe('api');
  });

  test('a pattern ending in /* also takes the path before it, and hands on the rest', () => {
    const table = new RouteTable([entry('s', ['/s/*'])]);
    expect(table.find(request('/s'))).toMatchObject({ kind: 'found', params: {} });
    expect(table.find(request('/s/a/b/'))).toMatchObject({ kind: 'found', params: { '*': 'a/b/' } });
  });

  test('elsewhere a trailing slash is significant', () => {
    const entries = [entry('exact', ['/v1/embed'])];
    expect(find(entries, request('/v1/embed'))).toBe('exact');
    expect(find(entries, request('/v1/embed/'))).toBeUndefined();
  });

  test('the more literal path wins, and a dead end falls back to a wildcard', () => {
    const entries = [entry('rest', ['/*']), entry('param', ['/v/:id/x']), entry('literal', ['/v/a/y'])];
    expect(find(entries, request('/v/a/y'))).toBe('literal');
    expect(find(entries, request('/v/a/x'))).toBe('param');
    expect(find(entries, request('/v/a/z'))).toBe('rest');
  });

  test('a parameter takes exactly one segment, never an empty one', () => {
    const table = new RouteTable([entry('user', ['/users/:id'])]);
    expect(table.find(request('/users/7'))).toMatchObject({ kind: 'found', params: { id: '7' } });
    expect(table.find(request('/users/'))).toMatchObject({ kind: 'nothing' });
    expect(table.find(request('/users/7/8'))).toMatchObject({ kind: 'nothing' });
  });
});

describe('methods', () => {
  const entries = [
    entry('write', ['/a/b'], { methods: ['POST'] }),
    entry('all', ['/a/*'], { methods: ['GET', 'POST'] }),
  ];

  test('a wrong method falls through to a shorter route that has it', () => {
    expect(find(entries, request('/a/b', { method: 'POST' }))).toBe('write');
    expect(find(entries, request('/a/b'))).toBe('all');
  });

  test('a route that names its methods goes before one that takes all, whatever their order', () => {
    const both = [entry('any', ['/x']), entry('read', ['/x'], { methods: ['GET'] })];
    for (const table of [both, both.toReversed()]) {
      expect(find(table, request('/x', { method: 'GET' }))).toBe('read');
      expect(find(table, request('/x', { method: 'PUT' }))).toBe('any');
    }
  });

  test('names every method of every matching route when none fits', () => {
    expect(find(entries, request('/a/b', { method: 'DELETE' }))).toEqual(['GET', 'HEAD', 'POST']);
  });

  test('HEAD goes wherever GET does', () => {
    expect(find(entries, request('/a/x', { method: 'HEAD' }))).toBe('all');
  });
});

describe('hosts and headers', () => {
  const entries = [
    entry('any', ['/x']),
    entry('wild', ['/x'], { hosts: ['*.example.com'] }),
    entry('deep', ['/x'], { hosts: ['*.a.example.com'] }),
    entry('exact', ['/x'], { hosts: ['api.example.com'] }),
    entry('beta', ['/x'], { headers: { 'X-Beta': '1' } }),
  ];

  test('an exact host comes before a wildcard, the longer wildcard before the shorter, any host last', () => {
    expect(find(entries, request('/x', { host: 'api.example.com' }))).toBe('exact');
    expect(find(entries, request('/x', { host: 'b.a.example.com' }))).toBe('deep');
    expect(find(entries, request('/x', { host: 'www.example.com' }))).toBe('wild');
    expect(find(entries, request('/x', { host: 'example.com' }))).toBe('any');
  });

  test('more header conditions win when they hold', () => {
    expect(find(entries, request('/x', { headers: ['x-BETA', '1'] }))).toBe('beta');
    expect(find(entries, request('/x', { headers: ['x-beta', '2'] }))).toBe('any');
  });
});

test('chooses as a naive longest-match reference does, on random tables', () => {
  const segment = fc.constantFrom('a', 'b', 'c');
  const pattern = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([segments, rest]) => `/${segments.join('/')}${rest ? '/*' : ''}`);
  const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 12 }), path, (patterns, asked) => {
      expect(
        find(
          patterns.map((p) => entry(p, [p])),
          request(asked),
        ),
      ).toBe(reference(patterns, asked));
    }),
    { numRuns: 2_000 },
  );
});

function reference(patterns: string[], path: string): string | undefined {
  const matching = patterns.filter((p) => {
    if (!p.endsWith('/*')) return p === path;
    const base = p.slice(0, -2);
    return path === base || path.startsWith(`${base}/`);
  });
  const rank = (p: string): number => p.replace('/*', '').length * 2 + (p.endsWith('/*') ? 0 : 1);
  return matching.sort((a, b) => rank(b) - rank(a))[0];
}
