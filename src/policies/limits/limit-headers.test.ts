import { expect, test } from '@jest/globals';
import type { LimitStatus } from '../../exchange/receipts.ts';
import { writeLimitHeaders } from './limit-headers.ts';

const status: LimitStatus = { limit: 60, remaining: 59, resetMs: 59_001, windowMs: 60_000, name: 'service:1m' };

type Rest = Parameters<typeof writeLimitHeaders> extends [string[], unknown, ...infer R] ? R : never;

function write(limit: LimitStatus, ...rest: Rest): string[] {
  const headers: string[] = [];
  writeLimitHeaders(headers, { limit, tokenLimit: undefined }, ...rest);
  return headers;
}

const X = ['X-RateLimit-Limit', '60', 'X-RateLimit-Remaining', '59', 'X-RateLimit-Reset', '60'];

test.each(['problem', 'simple', 'envelope'] as const)('auto writes X-RateLimit in whole seconds: %s', (dialect) => {
  expect(write(status, dialect, ['auto'])).toEqual(X);
});

test.each(['openai', 'anthropic'] as const)('auto writes the names OpenAI clients read: %s', (dialect) => {
  expect(write(status, dialect, ['auto'])).toEqual([
    'x-ratelimit-limit-requests',
    '60',
    'x-ratelimit-remaining-requests',
    '59',
    'x-ratelimit-reset-requests',
    '1m0s',
  ]);
});

test.each([
  [0, '0ms'],
  [250.2, '251ms'],
  [12_000, '12s'],
  [360_000, '6m0s'],
  [3_605_000, '1h0m5s'],
])('writes a reset of %f ms as OpenAI does: %s', (resetMs, text) => {
  expect(write({ ...status, resetMs }, 'openai', ['auto'])[5]).toBe(text);
});

test('adds the draft of the IETF where asked for, and writes no family twice', () => {
  expect(write(status, 'problem', ['auto', 'x-ratelimit', 'ratelimit'])).toEqual([
    ...X,
    'RateLimit-Policy',
    '"service:1m";q=60;w=60',
    'RateLimit',
    '"service:1m";r=59;t=60',
  ]);
});
