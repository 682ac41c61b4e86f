import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from './backoff.ts';
import { retryAfterMs } from '../../lib/retry-after.ts';
import { RetryBudget } from './retry-budget.ts';
import { repeatabilityOf, ruleForFailure, ruleForStatus } from './retry-rules.ts';

const where = (rule: { where: string } | undefined) => rule?.where;

describe('which requests may run twice', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])('%s is idempotent', (method) => {
    expect(repeatabilityOf(method, 'http', 'idempotent')).toBe('repeatable');
  });

  test.each(['POST', 'PATCH', 'CONNECT', 'PROPFIND', 'get'])('%s is not, unless the service says so', (method) => {
    expect(repeatabilityOf(method, 'http', 'idempotent')).toBe('once');
    expect(repeatabilityOf(method, 'http', 'all')).toBe('repeatable');
  });

  test('a POST to a model is paid for, whatever `methods` says; its GET is an ordinary GET', () => {
    expect(repeatabilityOf('POST', 'llm', 'all')).toBe('paid');
    expect(repeatabilityOf('POST', 'embeddings', 'idempotent')).toBe('paid');
    expect(repeatabilityOf('GET', 'llm', 'idempotent')).toBe('repeatable');
  });
});

describe('failures', () => {
  test.each(['refused', 'dns', 'tls', 'connect_timeout', 'reset'] as const)(
    'an unsent %s is repeated for any method',
    (kind) => {
      for (const repeatability of ['repeatable', 'paid', 'once'] as const)
        expect(where(ruleForFailure(kind, false, repeatability))).toBe('anywhere');
    },
  );

  test('a reset after sending is repeated only where running twice is harmless', () => {
    expect(where(ruleForFailure('reset', true, 'repeatable'))).toBe('anywhere');
    expect(ruleForFailure('reset', true, 'paid')).toEqual({ where: 'elsewhere', mayBeBilled: true });
    expect(ruleForFailure('reset', true, 'once')).toBeUndefined();
  });

  test('a first-byte timeout moves a model call elsewhere and ends any other', () => {
    expect(ruleForFailure('first_byte_timeout', true, 'paid')).toEqual({ where: 'elsewhere', mayBeBilled: true });
    expect(ruleForFailure('first_byte_timeout', true, 'repeatable')).toBeUndefined();
  });

  test.each(['client_aborted', 'request_body', 'total_timeout', 'internal'] as const)('%s is final', (kind) => {
    expect(ruleForFailure(kind, false, 'repeatable')).toBeUndefined();
  });

  test.each(['overloaded', 'circuit_open'] as const)('%s is repeated only at another target', (kind) => {
    expect(ruleForFailure(kind, false, 'once')).toEqual({ where: 'elsewhere', mayBeBilled: false });
  });
});

describe('statuses', () => {
  test('502, 503 and 504 are repeated for what may run twice, other statuses never', () => {
    const repeated = (repeatability: 'repeatable' | 'once') =>
      Array.from({ length: 500 }, (_, i) => i + 100).filter((status) => ruleForStatus(status, repeatability, 0));
    expect(repeated('repeatable')).toEqual([502, 503, 504]);
    expect(repeated('once')).toEqual([]);
  });

  test('a model call: 502, 503, 504, 529 anywhere; 408 and 500 elsewhere, as they may have been billed; 404 with another model', () => {
    const rules = Array.from({ length: 500 }, (_, i) => [i + 100, ruleForStatus(i + 100, 'paid', undefined)] as const);
    const found = Object.fromEntries(rules.filter(([, rule]) => rule).map(([status, rule]) => [status, rule?.where]));
    expect(found).toEqual({
      404: 'next_model',
      408: 'elsewhere',
      429: 'elsewhere',
      500: 'elsewhere',
      502: 'anywhere',
      503: 'anywhere',
      504: 'anywhere',
      529: 'anywhere',
    });
  });

  test('a rate-limited model call waits up to 5 seconds; beyond that only another target helps', () => {
    expect(where(ruleForStatus(429, 'paid', 5_000))).toBe('anywhere');
    expect(ruleForStatus(429, 'paid', 5_001)).toEqual({ where: 'elsewhere', mayBeBilled: false });
  });
});

describe('waits', () => {
  test('are spread between nothing and a doubling bound', () => {
    const backoff = { initial: 50, max: 1_000 };
    const longest = [1, 2, 3, 4, 5, 6, 9].map((retry) => backoffMs(retry, backoff, () => 1));
    expect(longest).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
    expect(backoffMs(9, backoff, () => 0)).toBe(0);
    expect(backoffMs(2, backoff, () => 0.5)).toBe(50);
  });

  test.each([
    ['7', 7_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 1970 00:00:12 GMT', 2_000],
    ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon 5', undefined],
    ['', undefined],
  ])('Retry-After "%s" asks for %p ms', (value, expected) => {
    expect(retryAfterMs(['Date', 'x', 'RETRY-after', value], 10_000)).toBe(expected);
  });
});

describe('the budget', () => {
  test('never lets retries exceed its share of the requests plus 10', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.array(fc.nat({ max: 9 }), { maxLength: 500 }),
        (percent, wishes) => {
          const budget = new RetryBudget(percent);
          let retries = 0;
          for (const [i, wished] of wishes.entries()) {
            budget.earn();
            for (let k = 0; k < wished; k++) if (budget.spend()) retries++;
            expect(retries).toBeLessThanOrEqual(((i + 1) * percent) / 100 + 10);
          }
        },
      ),
    );
  });

  test('is spent to the last retry: 10 at once, then one per ten requests', () => {
    const budget = new RetryBudget(10);
    const spendAll = () => {
      let retries = 0;
      while (budget.spend()) retries++;
      return retries;
    };
    expect(spendAll()).toBe(10);
    for (let i = 0; i < 9; i++) budget.earn();
    expect(spendAll()).toBe(0);
    budget.earn();
    expect(spendAll()).toBe(1);
    for (let i = 0; i < 10_000; i++) budget.earn();
    expect(spendAll()).toBe(10);
  });
});
