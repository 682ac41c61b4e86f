import { describe, expect, test } from '@jest/globals';
import { makeManualClock } from '../../../tests/support/manual-clock.ts';
import { type LoginAttempt, LoginThrottle } from './login-throttle.ts';

const ADA: LoginAttempt = { account: 'ada@example.com', address: '192.0.2.1' };

function setUp(perAddress = { limit: 100, window: 60_000 }) {
  const clock = makeManualClock();
  const throttle = new LoginThrottle(perAddress, clock);
  const fail = (attempt: LoginAttempt, times: number) => {
    for (let i = 0; i < times; i++) throttle.recordFailure(attempt);
  };
  return { clock, throttle, fail };
}

describe('too many failed logins', () => {
  test('of one client at one account stop this client there, and nobody else, for five minutes', () => {
    const { clock, throttle, fail } = setUp();
    fail(ADA, 9);
    expect(throttle.waitFor(ADA)).toBe(0);
    fail(ADA, 1);
    clock.advance(1000);
    expect(throttle.waitFor(ADA)).toBe(299_000);
    expect(throttle.waitFor({ ...ADA, address: '192.0.2.2' })).toBe(0);
    expect(throttle.waitFor({ ...ADA, account: 'bob@example.com' })).toBe(0);
    clock.advance(299_000);
    expect(throttle.waitFor(ADA)).toBe(0);
  });

  test('at one account from many addresses stop those who have never logged in there, not its owner', () => {
    const { throttle, fail } = setUp();
    throttle.recordSuccess(ADA);
    for (let i = 0; i < 50; i++) fail({ ...ADA, address: `198.51.100.${i}` }, 1);
    expect(throttle.waitFor({ ...ADA, address: '203.0.113.9' })).toBeGreaterThan(0);
    expect(throttle.waitFor(ADA)).toBe(0);
  });

  test('from one address at many accounts stop the address by the configured rule, IPv6 by its /64', () => {
    const { throttle, fail } = setUp({ limit: 3, window: 60_000 });
    for (let i = 0; i < 3; i++) fail({ account: `user${i}@example.com`, address: `2001:db8::${i}` }, 1);
    expect(throttle.waitFor({ account: 'other@example.com', address: '2001:db8::ffff' })).toBe(60_000);
    expect(throttle.waitFor({ account: 'user1@example.com', address: '2001:db8:0:1::1' })).toBe(0);
  });

  test('everywhere stop all but those who have logged in from where they are', () => {
    const { throttle, fail } = setUp();
    throttle.recordSuccess(ADA);
    for (let i = 0; i < 1000; i++) fail({ account: `user${i}@example.com`, address: `10.0.${i >> 8}.${i & 255}` }, 1);
    expect(throttle.waitFor({ account: 'new@example.com', address: '203.0.113.9' })).toBe(60_000);
    expect(throttle.waitFor(ADA)).toBe(0);
  });
});

test('a login that succeeds clears what its client has mistyped before', () => {
  const { throttle, fail } = setUp();
  fail(ADA, 9);
  throttle.recordSuccess(ADA);
  fail(ADA, 9);
  expect(throttle.waitFor(ADA)).toBe(0);
});

test('another rule for addresses takes effect at once', () => {
  const { throttle, fail } = setUp();
  fail(ADA, 5);
  throttle.configure({ limit: 5, window: 60_000 });
  expect(throttle.waitFor({ ...ADA, account: 'bob@example.com' })).toBe(60_000);
});
