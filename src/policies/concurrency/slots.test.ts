import { describe, expect, test } from '@jest/globals';
import { Slots, type Waiting } from './slots.ts';

/** Takes a place that is known to be free. */
function take(slots: Slots): void {
  expect(slots.enter('a')).toBe('entered');
}

/** Waits for a place that is known to be taken. */
function queueUp(slots: Slots): Waiting {
  const entry = slots.enter('a');
  if (typeof entry === 'string') throw new Error(entry);
  return entry;
}

describe('without a queue', () => {
  test('lets exactly the limit in per key and the next one after somebody left', () => {
    const slots = new Slots(2, undefined);
    expect([slots.enter('a'), slots.enter('a'), slots.enter('a'), slots.enter('b')]).toEqual([
      'entered',
      'entered',
      'full',
      'entered',
    ]);
    slots.leave('a');
    expect(slots.enter('a')).toBe('entered');
  });

  test('forgets a key nothing runs under', () => {
    const slots = new Slots(1, undefined);
    take(slots);
    slots.leave('a');
    slots.leave('a');
    expect(slots.running('a')).toBe(0);
    expect(slots.enter('a')).toBe('entered');
  });
});

describe('with a queue', () => {
  test('serves waiters in order and refuses when the queue is full', async () => {
    const slots = new Slots(1, { max: 2, waitMs: 10_000 });
    take(slots);
    const served: number[] = [];
    const waiting = [1, 2].map(async (n) => (await queueUp(slots).entered) && served.push(n));
    expect(slots.enter('a')).toBe('full');
    slots.leave('a');
    await waiting[0];
    slots.leave('a');
    await waiting[1];
    expect(served).toEqual([1, 2]);
    expect(slots.running('a')).toBe(1);
  });

  test('gives up after the wait and frees its place in the queue', async () => {
    const slots = new Slots(1, { max: 1, waitMs: 1 });
    take(slots);
    expect(await queueUp(slots).entered).toBe(false);
    queueUp(slots).leave();
  });

  test('frees the place of a waiter that leaves, and later the place it led to', async () => {
    const slots = new Slots(1, { max: 1, waitMs: 10_000 });
    take(slots);
    const gone = queueUp(slots);
    expect(slots.enter('a')).toBe('full');
    gone.leave();
    expect(await gone.entered).toBe(false);
    const patient = queueUp(slots);
    slots.leave('a');
    expect(await patient.entered).toBe(true);
    expect(slots.running('a')).toBe(1);
    patient.leave();
    expect(slots.running('a')).toBe(0);
  });
});
