import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Clock } from '../lib/clock.ts';
import { Guard } from '../lib/guard.ts';
import { Deadline, type DeadlinePhase, DeadlineWatch } from './deadline.ts';

/** Jest's fake timers move `performance.now` together with `setTimeout`. */
const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
/** The watch looks this often. */
const TICK = 20;
let expired: DeadlinePhase[];
let deadline: Deadline;
let watch: DeadlineWatch;
let escaped: [place: string, message: string][];

beforeEach(() => {
  jest.useFakeTimers();
  expired = [];
  escaped = [];
  watch = new DeadlineWatch(clock, new Guard((error, place) => escaped.push([place, (error as Error).message])));
  deadline = new Deadline(watch);
  deadline.onExpire = (phase) => expired.push(phase);
});
afterEach(() => void jest.useRealTimers());

test('quiet is told once after its time, beside any other wait, and ends nothing', () => {
  let told = 0;
  deadline.onQuiet = () => void told++;
  deadline.await('idle', 1_000);
  deadline.awaitQuiet(100);
  jest.advanceTimersByTime(90);
  deadline.awaitQuiet(100);
  jest.advanceTimersByTime(90);
  expect(told).toBe(0);
  jest.advanceTimersByTime(10 + TICK);
  expect(told).toBe(1);
  jest.advanceTimersByTime(810 + TICK);
  expect([told, expired]).toEqual([1, ['idle']]);
});

describe('one wait', () => {
  test('expires once, at its time or a moment later, never before', () => {
    deadline.await('first_byte', 500);
    jest.advanceTimersByTime(499);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1 + TICK);
    expect(expired).toEqual(['first_byte']);
    jest.advanceTimersByTime(10_000);
    expect(expired).toEqual(['first_byte']);
  });

  test('a wait that is moved on and on does not expire until nothing moves it', () => {
    for (let i = 0; i < 100; i++) {
      deadline.await('idle', 200);
      jest.advanceTimersByTime(150);
    }
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(50 + TICK);
    expect(expired).toEqual(['idle']);
  });

  test('a shorter wait after a longer one is honoured', () => {
    deadline.await('connect', 60_000);
    deadline.await('first_byte', 100);
    jest.advanceTimersByTime(100 + TICK);
    expect(expired).toEqual(['first_byte']);
  });
});

describe('several waits', () => {
  test('the total runs on while phases come and go', () => {
    deadline.limitTotal(1_000);
    deadline.await('first_byte', 600);
    jest.advanceTimersByTime(500);
    deadline.await('idle', 600);
    expect(deadline.remainingMs()).toBe(500);
    jest.advanceTimersByTime(500 + TICK);
    expect(expired).toEqual(['total']);
    jest.advanceTimersByTime(100 + TICK);
    expect(expired).toEqual(['total', 'idle']);
  });

  test('the body is awaited beside the upstream', () => {
    deadline.await('first_byte', 5_000);
    deadline.awaitBody(100);
    jest.advanceTimersByTime(100 + TICK);
    expect(expired).toEqual(['request_body']);
    deadline.bodyArrived();
    jest.advanceTimersByTime(4_900);
    expect(expired).toEqual(['request_body', 'first_byte']);
  });

  test('nothing expires after clear, and no timer is left', () => {
    deadline.limitTotal(100);
    deadline.await('idle', 50);
    deadline.clear();
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('without a total there is no bound', () => {
    deadline.limitTotal(0);
    expect(deadline.remainingMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

test('a callback that throws is reported, ends its own exchange, and hinders no other', () => {
  const destroy = jest.fn();
  const bad = new Deadline(watch, { destroy });
  bad.onExpire = () => {
    throw new Error('a bug');
  };
  deadline.await('idle', 50);
  bad.await('idle', 50);
  jest.advanceTimersByTime(50 + TICK);
  expect(escaped).toEqual([['deadline', 'a bug']]);
  expect(destroy).toHaveBeenCalledTimes(1);
  expect(expired).toEqual(['idle']);
});
