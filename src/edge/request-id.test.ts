import { describe, expect, test } from '@jest/globals';
import { HeaderList } from './header-list.ts';
import { createRequestIds } from './request-id.ts';

describe('createRequestIds', () => {
  test('100,000 ids of two generators are well formed and all different', () => {
    const generators = [createRequestIds(), createRequestIds()];
    const seen = new Set<string>();
    for (let i = 0; i < 50_000; i++) for (const ids of generators) seen.add(ids.next());
    expect(seen.size).toBe(100_000);
    for (const id of seen) if (!/^req_[0-9a-f]{24}$/.test(id)) throw new Error(id);
  });

  test("a client's own id is kept when it is plain", () => {
    const ids = createRequestIds();
    for (const own of ['a', 'req_1', 'A.b-c_9', 'x'.repeat(128)]) {
      expect(ids.of(HeaderList.from(['X-Request-ID', own]))).toBe(own);
    }
  });

  test('any other value, none, or two lines are replaced', () => {
    const ids = createRequestIds();
    for (const own of ['', ' ', 'a b', 'x'.repeat(129), '<b>', 'a\r\nb', '\u00e9', 'a/b', 'a\n']) {
      expect(ids.of(HeaderList.from(['X-Request-Id', own]))).toMatch(/^req_[0-9a-f]{24}$/);
    }
    expect(ids.of(HeaderList.from([]))).toMatch(/^req_/);
    expect(ids.of(HeaderList.from(['X-Request-Id', 'a', 'x-request-id', 'b']))).toMatch(/^req_/);
  });
});
