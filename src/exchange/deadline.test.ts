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
  const waiter = { onExpire: (phase: DeadlinePhase) => expired.push(phase) > 0 };
  deadline.call = waiter;
  deadline.body = waiter;
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
  bad.call = {
    onExpire: () => {
      throw new Error('a bug');
    },
  };
  deadline.await('idle', 50);
  bad.await('idle', 50);
  jest.advanceTimersByTime(50 + TICK);
  expect(escaped).toEqual([['deadline', 'a bug']]);
  expect(destroy).toHaveBeenCalledTimes(1);
  expect(expired).toEqual(['idle']);
});

describe('the total', () => {
  const heard: string[] = [];
  const waiter = (name: string, ends: boolean) => ({ onExpire: () => heard.push(name) > 0 && ends });
  beforeEach(() => void heard.splice(0));

  test('is reported to the call, then to the body, then to the keeper, until one of them has ended something', () => {
    deadline.call = waiter('call', false);
    deadline.body = waiter('body', false);
    deadline.keeper = waiter('keeper', true);
    deadline.limitTotal(100);
    jest.advanceTimersByTime(100 + TICK);
    expect(heard).toEqual(['call', 'body', 'keeper']);
    expect(deadline).toMatchObject({ isOver: true });
  });

  test('that ended the call is nobody else’s business', () => {
    deadline.call = waiter('call', true);
    deadline.keeper = waiter('keeper', true);
    deadline.limitTotal(100);
    jest.advanceTimersByTime(100 + TICK);
    expect(heard).toEqual(['call']);
  });

  test('is remembered when nobody waited: no time is left from then on', () => {
    deadline.call = undefined;
    deadline.body = undefined;
    deadline.limitTotal(100);
    jest.advanceTimersByTime(5_000);
    expect([deadline.isOver, deadline.remainingMs()]).toEqual([true, 0]);
  });
});

describe('the body of a client that is not asked for more', () => {
  test('is not late, and has as much time as before when it is asked again', () => {
    deadline.awaitBody(100);
    jest.advanceTimersByTime(60);
    deadline.suspendBody();
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
    expect(deadline.resumeBody()).toBe(1_000);
    jest.advanceTimersByTime(39);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1 + TICK);
    expect(expired).toEqual(['request_body']);
  });

  test('stays so when it has arrived meanwhile', () => {
    deadline.awaitBody(100);
    deadline.suspendBody();
    deadline.bodyArrived();
    expect(deadline.resumeBody()).toBe(0);
    jest.advanceTimersByTime(1_000);
    expect(expired).toEqual([]);
  });
});
