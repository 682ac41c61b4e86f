import { expect, test } from '@jest/globals';
import { readLimits } from './read-limits.ts';

test('reads the short form with the given period', () => {
  expect(readLimits({ rate_limit: 5 }, 30_000)).toMatchObject({
    rate_limit: { limits: [{ limit: 5, window: 30_000, per: ['consumer'] }] },
  });
});

test('reads the long form, durations as they are written in the file', () => {
  const written = { limits: [{ limit: 5, window: '1h', per: 'ip', algorithm: 'token_bucket', burst: 9 }] };
  expect(readLimits({ rate_limit: written })).toMatchObject({
    rate_limit: { limits: [{ window: 3_600_000, per: ['ip'], burst: 9 }] },
  });
});

test.each([
  [{ limits: [{ limit: 0, window: '1m' }] }, 'rate_limit.limits[0].limit: must be more than 0'],
  [{ limits: [{ limit: 1, windw: '1m' }] }, 'rate_limit.limits[0].windw: unknown key, did you mean "window"?'],
  [
    { limits: [{ limit: 1, window: '1m', burst: 3 }] },
    'rate_limit.limits[0]: burst has a meaning only with algorithm: token_bucket',
  ],
  ['many', 'rate_limit: must be a section of keys'],
  [{ limits: [{ limit: 1.5, window: '1m' }] }, 'rate_limit.limits[0]: only dollars (count: cost_usd) have fractions'],
])('%j is refused: %s', (written, problem) => {
  const reading = readLimits({ rate_limit: written });
  expect('problems' in reading && reading.problems).toContain(problem);
});

test('reads budgets, one or several', () => {
  expect(readLimits({ budget: { cost_usd: 2.5, every: 'month' } })).toEqual({
    budget: [{ cost_usd: 2.5, every: 'month', per: ['consumer'], dry_run: false }],
  });
  const several = {
    budget: [
      { tokens: 1000, every: 'day' },
      { cost_usd: 0.5, every: 'request' },
    ],
  };
  expect(readLimits(several)).toMatchObject({ budget: [{ tokens: 1000 }, { every: 'request' }] });
});

test.each([
  [{ every: 'month' }, 'budget[0]: must name one of cost_usd, tokens and requests'],
  [{ tokens: 1, cost_usd: 1, every: 'day' }, 'budget[0]: must name one of cost_usd, tokens and requests'],
  [{ requests: 1, every: 'request' }, 'budget[0]: a single request is always one: write cost_usd or tokens'],
  [{ tokens: 1 }, 'budget[0].every: is required'],
  [
    [
      { tokens: 1, every: 'day' },
      { tokens: 2, every: 'day' },
    ],
    'budget[1]: counts the same as another budget of this list: give one of them a name',
  ],
])('the budget %j is refused: %s', (budget, problem) => {
  const reading = readLimits({ budget });
  expect('problems' in reading && reading.problems).toContain(problem);
});
