import { expect, test } from '@jest/globals';
import { buildModel } from '../../tests/support/model-call-builder.ts';
import { buildTarget } from '../../tests/support/target-builder.ts';
import { pickFastest } from './fastest.ts';

const [large, small] = [buildModel('large'), buildModel('small')];
const NOW = 1_000_000;

/** A target on which each of these models takes so long. */
function targetWith(latencies: Record<string, number>, name = 'a:80') {
  const target = buildTarget(name, 1, Object.keys(latencies));
  for (const [model, ms] of Object.entries(latencies))
    if (ms > 0) target.noteAttempt('success', ms, NOW, buildModel(model));
  return target;
}

const pick = (targets: Parameters<typeof pickFastest>[0], now = NOW) =>
  pickFastest(targets, [large, small], now, () => 0)?.name;

test('takes the model that answers soonest at its best target', () => {
  expect(pick([targetWith({ large: 300, small: 200 })])).toBe('small');
  expect(pick([targetWith({ large: 300, small: 200 }), targetWith({ large: 100 }, 'b:80')])).toBe('large');
});

test('looks only at targets that may be offered requests, and that have not failed lately', () => {
  const [fast, slow] = [targetWith({ large: 100 }), targetWith({ small: 200 }, 'b:80')];
  fast.noteAttempt('failure', 1, NOW, large);
  expect(pick([fast, slow])).toBe('small');
  expect(pick([fast, slow], NOW + 10_000)).toBe('large');
  fast.isHealthy = false;
  expect(pick([fast, slow], NOW + 10_000)).toBe('small');
  slow.isAdmitting = false;
  expect(pick([fast, slow])).toBeUndefined();
});

test('gives one request to a model without a figure, and the others to the one that is known', () => {
  const target = targetWith({ large: 100, small: 0 });
  expect([pick([target]), pick([target]), pick([target])]).toEqual(['small', 'large', 'large']);
});

test('asks a slow model again when its figure has grown old', () => {
  const target = targetWith({ large: 100, small: 350 });
  const seen = [30, 60, 90].map((seconds) => {
    target.noteAttempt('success', 100, NOW + seconds * 1_000, large);
    return pick([target], NOW + seconds * 1_000);
  });
  expect(seen).toEqual(['large', 'small', 'large']);
});

test('answers and failures of names outside the catalogue are not kept', () => {
  const target = buildTarget('a:80');
  target.noteAttempt('success', 100, NOW, { ...buildModel('made-up'), isListed: false });
  expect(target.latencyOf('made-up').ms).toBe(0);
  expect(target.latency.ms).toBe(100);
});
