import { expect, test } from '@jest/globals';
import { makeManualClock } from '../../tests/support/manual-clock.ts';
import { FailedAuth } from './failed-auth.ts';

function setUp(limit = 2) {
  const clock = makeManualClock();
  return { clock, failedAuth: new FailedAuth({ limit, window: 60_000 }, clock) };
}

/** Work that runs until it is told to end. */
function makeWork() {
  const ends: (() => void)[] = [];
  const work = () => new Promise<string>((resolve) => ends.push(() => resolve('done')));
  return { ends, work };
}

test('counts failures up to the limit, then names the time until the window ends', () => {
  const { clock, failedAuth } = setUp();
  expect(failedAuth.recordFailure('192.0.2.1', 'api_key')).toBeUndefined();
  clock.advance(10_000);
  expect(failedAuth.recordFailure('192.0.2.1', 'api_key')).toBeUndefined();
  expect(failedAuth.isOver('192.0.2.1')).toBe(true);
  expect(failedAuth.recordFailure('192.0.2.1', 'api_key')).toBe(50_000);
  expect(failedAuth.recordFailure('192.0.2.2', 'api_key')).toBeUndefined();
});

test('hears an address again when its window has ended', () => {
  const { clock, failedAuth } = setUp(1);
  failedAuth.recordFailure('192.0.2.1', 'api_key');
  clock.advance(60_000);
  expect(failedAuth.isOver('192.0.2.1')).toBe(false);
  expect(failedAuth.recordFailure('192.0.2.1', 'api_key')).toBeUndefined();
});

test('counts an IPv6 subscriber by its /64', () => {
  const { failedAuth } = setUp(1);
  failedAuth.recordFailure('2001:db8:0:1::1', 'api_key');
  expect(failedAuth.isOver('2001:db8:0:1:ffff::2')).toBe(true);
  expect(failedAuth.isOver('2001:db8:0:2::1')).toBe(false);
});

test('runs four lookups of an address past its limit at a time, and the others after them', async () => {
  const { failedAuth } = setUp(1);
  failedAuth.recordFailure('192.0.2.1', 'api_key');
  const { ends, work } = makeWork();
  const results = Array.from({ length: 6 }, () => failedAuth.runThrottled('192.0.2.1', work));
  expect(ends).toHaveLength(4);
  ends[0]?.();
  await expect(results[0]).resolves.toBe('done');
  await Promise.resolve();
  expect(ends).toHaveLength(5);
  for (let i = 1; i < 6; i++) {
    ends[i]?.();
    await expect(results[i]).resolves.toBe('done');
    await Promise.resolve();
  }
});

test('gives a lookup up that waited 2 s for a slot, or that finds 64 waiting', async () => {
  const { clock, failedAuth } = setUp(1);
  failedAuth.recordFailure('192.0.2.1', 'api_key');
  const { ends, work } = makeWork();
  const results = Array.from({ length: 4 + 64 }, () => failedAuth.runThrottled('192.0.2.1', work));
  await expect(failedAuth.runThrottled('192.0.2.1', work)).resolves.toBeUndefined();
  clock.advance(2000);
  ends[0]?.();
  await expect(results[4]).resolves.toBeUndefined();
  await expect(results[67]).resolves.toBeUndefined();
  expect(ends).toHaveLength(4);
});

test('does not hold up an address within its limit', async () => {
  const { failedAuth } = setUp();
  const { ends, work } = makeWork();
  void Array.from({ length: 20 }, () => failedAuth.runThrottled('192.0.2.9', work));
  expect(ends).toHaveLength(20);
});

test('frees the slot of a lookup that fails', async () => {
  const { failedAuth } = setUp(1);
  failedAuth.recordFailure('192.0.2.1', 'api_key');
  for (let i = 0; i < 10; i++) {
    const failing = failedAuth.runThrottled('192.0.2.1', () => Promise.reject(new Error('down')));
    await expect(failing).rejects.toThrow('down');
  }
  await expect(failedAuth.runThrottled('192.0.2.1', () => Promise.resolve(1))).resolves.toBe(1);
});
