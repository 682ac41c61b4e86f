import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { buildTarget } from '../../../tests/support/target-builder.ts';
import { DEFAULT_TIMEOUT } from '../timeout/schema.ts';
import { type Admission, Breaker, type BreakerChange } from './breaker.ts';
import { PROBE_DEADLINE_MS as PROBE_DEADLINES } from './breaker-bank.ts';

const CONFIG = { error_percent: 50, min_requests: 20, window: 10_000, open_for: 10_000 };
const PROBE_DEADLINE_MS = 3_000;
const clock = { now: () => Date.now(), monotonic: () => performance.now() };

let breaker: Breaker;
let changes: BreakerChange[];
let rotation: EventEmitter;

function makeBreaker(config = CONFIG, random = () => 0.5): Breaker {
  changes = [];
  rotation = new EventEmitter();
  const onChange = (change: BreakerChange) => void changes.push(change);
  return new Breaker(config, { clock, rotation, probeDeadlineMs: PROBE_DEADLINE_MS, random, onChange });
}

function admitted(): Admission {
  const admission = breaker.admit();
  if (!admission) throw new Error('the breaker refused');
  return admission;
}

function run(outcome: 'success' | 'failure' | 'neutral', times = 1): void {
  for (let i = 0; i < times; i++) admitted().settle(outcome);
}

function openIt(): void {
  run('failure', CONFIG.min_requests);
  expect(breaker.state).toBe('open');
}

/** Lets the reset timer fire; the delay is the one the breaker announced. */
function becomeHalfOpen(): void {
  jest.advanceTimersByTime(breaker.admitsAgainInMs + 1);
  expect(breaker.state).toBe('half_open');
}

beforeEach(() => {
  jest.useFakeTimers();
  breaker = makeBreaker();
});
afterEach(() => {
  breaker.dispose();
  jest.useRealTimers();
});

describe('opening', () => {
  test('exactly error_percent of at least min_requests opens the circuit', () => {
    run('success', 10);
    run('failure', 9);
    expect(breaker.state).toBe('closed');
    run('failure');
    expect(breaker.state).toBe('open');
    expect(breaker.admit()).toBeUndefined();
  });

  test.each([1, 7, 29, 33, 57, 99, 100])('opens at exactly %i percent and not one failure earlier', (percent) => {
    breaker.dispose();
    breaker = makeBreaker({ ...CONFIG, error_percent: percent, min_requests: 100 });
    run('success', 100 - percent);
    run('failure', percent - 1);
    expect(breaker.state).toBe('closed');
    run('failure');
    expect(breaker.state).toBe('open');
  });

  test('a failure in a quiet minute opens nothing', () => {
    run('failure', CONFIG.min_requests - 1);
    expect(breaker.state).toBe('closed');
  });

  test('failures older than the window are forgotten', () => {
    run('failure', CONFIG.min_requests - 1);
    for (let i = 0; i < 10; i++) rotation.emit('rotate');
    run('failure');
    expect(breaker.state).toBe('closed');
    expect(breaker.counts).toEqual({ requests: 1, failures: 1 });
  });

  test('neutral outcomes are counted neither as requests nor as failures', () => {
    run('neutral', 1_000);
    expect(breaker.counts).toEqual({ requests: 0, failures: 0 });
    openIt();
  });

  test('50 failures beside 60 calls still open open it: running calls dilute nothing', () => {
    const open = Array.from({ length: 60 }, admitted);
    run('failure', CONFIG.min_requests);
    expect(breaker.state).toBe('open');
    for (const stream of open) stream.settle('success');
    expect(breaker.state).toBe('open');
  });

  test('streams whose headers came before the window dilute nothing while they run', () => {
    run('success', 60);
    for (let i = 0; i < 10; i++) rotation.emit('rotate');
    run('failure', 50 - 30);
    expect(breaker.state).toBe('open');
  });
});

describe('half open', () => {
  test('of 1,000 waiters exactly one becomes the probe', () => {
    openIt();
    becomeHalfOpen();
    const admissions = Array.from({ length: 1_000 }, () => breaker.admit());
    expect(admissions.filter((admission) => admission !== undefined)).toHaveLength(1);
  });

  test('a successful probe closes the circuit and the window starts clean', () => {
    openIt();
    becomeHalfOpen();
    run('success');
    expect(breaker.state).toBe('closed');
    expect(breaker.counts).toEqual({ requests: 0, failures: 0 });
    run('failure', CONFIG.min_requests - 1);
    expect(breaker.state).toBe('closed');
  });

  test('a failed probe opens the circuit again', () => {
    openIt();
    becomeHalfOpen();
    run('failure');
    expect(breaker.state).toBe('open');
  });

  test('a probe that hangs counts as failed at its deadline, and a later probe runs', () => {
    openIt();
    becomeHalfOpen();
    admitted();
    jest.advanceTimersByTime(PROBE_DEADLINE_MS - 1);
    expect(breaker.state).toBe('half_open');
    jest.advanceTimersByTime(1);
    expect(breaker.state).toBe('open');
    becomeHalfOpen();
    run('success');
    expect(breaker.state).toBe('closed');
  });

  test('a neutral probe frees its slot and decides nothing', () => {
    openIt();
    becomeHalfOpen();
    const probe = admitted();
    expect(breaker.admit()).toBeUndefined();
    probe.settle('neutral');
    expect(breaker.state).toBe('half_open');
    jest.advanceTimersByTime(PROBE_DEADLINE_MS * 2);
    expect(breaker.state).toBe('half_open');
    run('success');
    expect(breaker.state).toBe('closed');
  });

  test('the result of a probe whose deadline has passed is ignored', () => {
    openIt();
    becomeHalfOpen();
    const probe = admitted();
    jest.advanceTimersByTime(PROBE_DEADLINE_MS);
    probe.settle('success');
    expect(breaker.state).toBe('open');
  });
});

describe('late results', () => {
  test('a success of a call admitted before the opening changes nothing while open or half open', () => {
    const late = [admitted(), admitted()];
    openIt();
    late[0]?.settle('success');
    expect(breaker.state).toBe('open');
    becomeHalfOpen();
    late[1]?.settle('success');
    expect(breaker.state).toBe('half_open');
  });

  test('failures of calls admitted before the outage do not count after it', () => {
    const late = Array.from({ length: 50 }, admitted);
    openIt();
    becomeHalfOpen();
    run('success');
    for (const admission of late) admission.settle('failure');
    expect(breaker.state).toBe('closed');
    expect(breaker.counts.requests).toBe(0);
  });

  test('only the first outcome of a call counts', () => {
    const admission = admitted();
    admission.settle('success');
    admission.settle('failure');
    expect(breaker.counts).toEqual({ requests: 1, failures: 0 });
  });
});

describe('bodies that break off', () => {
  test('a stream that dies after its headers turns its success into a failure', () => {
    const streams = Array.from({ length: 20 }, admitted);
    for (const stream of streams) stream.settle('success');
    for (const stream of streams.slice(0, 9)) stream.break();
    expect(breaker.state).toBe('closed');
    streams[9]?.break();
    expect(breaker.counts).toEqual({ requests: 20, failures: 10 });
    expect(breaker.state).toBe('open');
  });

  test('a call that failed already is not counted a second time', () => {
    const admission = admitted();
    admission.settle('failure');
    admission.break();
    expect(breaker.counts).toEqual({ requests: 1, failures: 1 });
  });

  test('a stream admitted before the last change of state is ignored when it dies', () => {
    const stream = admitted();
    stream.settle('success');
    run('failure', CONFIG.min_requests - 1);
    becomeHalfOpen();
    run('success');
    stream.break();
    expect(breaker.counts).toEqual({ requests: 0, failures: 0 });
  });
});

describe('how long it stays open', () => {
  test('open_for doubles with every failed probe up to 5 minutes and is restored by a close', () => {
    openIt();
    const waits = [breaker.admitsAgainInMs];
    for (let i = 0; i < 6; i++) {
      becomeHalfOpen();
      run('failure');
      waits.push(breaker.admitsAgainInMs);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    becomeHalfOpen();
    run('success');
    openIt();
    expect(breaker.admitsAgainInMs).toBe(10_000);
  });

  test('waits are spread by a fifth either way', () => {
    const waits = [0, 0.999].map((drawn) => {
      breaker.dispose();
      breaker = makeBreaker(CONFIG, () => drawn);
      openIt();
      return breaker.admitsAgainInMs;
    });
    expect(waits[0]).toBe(8_000);
    expect(waits[1]).toBeGreaterThan(11_990);
    expect(waits[1]).toBeLessThanOrEqual(12_000);
  });

  test('a reset by hand closes an open circuit at once and forgets the failures of a closed one', () => {
    openIt();
    breaker.reset();
    expect(breaker.state).toBe('closed');
    run('failure', CONFIG.min_requests - 1);
    breaker.reset();
    run('failure');
    expect(breaker.state).toBe('closed');
    jest.advanceTimersByTime(600_000);
    expect(breaker.state).toBe('closed');
  });
});

describe('what others see', () => {
  test('a target is offered while closed, not while open, and half open only while the slot is free', () => {
    const target = buildTarget('a:80');
    breaker.serve(target);
    expect(target.isAvailable).toBe(true);
    openIt();
    expect(target.isAvailable).toBe(false);
    expect(target.admitsAgainAt - clock.monotonic()).toBeCloseTo(10_000, 0);
    becomeHalfOpen();
    expect(target.isAvailable).toBe(true);
    const probe = admitted();
    expect(target.isAvailable).toBe(false);
    probe.settle('success');
    expect([target.isAvailable, target.admitsAgainAt]).toEqual([true, 0]);
  });

  test('every change is told once, with the counts that led to it', () => {
    openIt();
    becomeHalfOpen();
    run('success');
    expect(changes.map((change) => change.state)).toEqual(['open', 'half_open', 'closed']);
    expect(changes[0]).toEqual({ state: 'open', requests: 20, failures: 20, openForMs: 10_000, isForOneCaller: true });
  });

  test('a disposed breaker keeps no timer, refuses nothing and leaves its targets available', () => {
    const target = buildTarget('a:80');
    breaker.serve(target);
    const late = admitted();
    openIt();
    breaker.dispose();
    late.settle('failure');
    run('failure', 100);
    expect(target.isAvailable).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });
});

test('a probe waits as long for headers as the kind of its service does by default', () => {
  const { http, llm, embeddings } = DEFAULT_TIMEOUT;
  expect(PROBE_DEADLINES).toEqual({
    http: http.first_byte,
    llm: llm.first_byte,
    embeddings: embeddings.first_byte,
  });
});
