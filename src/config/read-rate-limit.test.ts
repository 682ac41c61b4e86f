import { expect, test } from '@jest/globals';
import { readRateLimit } from './read-rate-limit.ts';

test('reads the short form with the given period', () => {
  expect(readRateLimit(5, 30_000)).toMatchObject({
    rateLimit: { limits: [{ limit: 5, window: 30_000, per: ['consumer'] }] },
  });
});

test('reads the long form, durations as they are written in the file', () => {
  const written = { limits: [{ limit: 5, window: '1h', per: 'ip', algorithm: 'token_bucket', burst: 9 }] };
  expect(readRateLimit(written, 60_000)).toMatchObject({
    rateLimit: { limits: [{ window: 3_600_000, per: ['ip'], burst: 9 }] },
  });
});

test.each([
  [{ limits: [{ limit: 0, window: '1m' }] }, 'rate_limit.limits[0].limit: must be at least 1'],
  [{ limits: [{ limit: 1, windw: '1m' }] }, 'rate_limit.limits[0].windw: unknown key, did you mean "window"?'],
  [
    { limits: [{ limit: 1, window: '1m', burst: 3 }] },
    'rate_limit.limits[0]: burst has a meaning only with algorithm: token_bucket',
  ],
  ['many', 'rate_limit: must be a section of keys'],
  [null, 'rate_limit: is required'],
])('%j is refused: %s', (written, problem) => {
  const reading = readRateLimit(written, 60_000);
  expect('problems' in reading && reading.problems).toContain(problem);
});
