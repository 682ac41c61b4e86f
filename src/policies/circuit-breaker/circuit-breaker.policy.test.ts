import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildAnswer, type BuiltAnswer } from '../../../tests/support/answer-builder.ts';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { until } from '../../../tests/support/poll.ts';
import { buildService } from '../../../tests/support/target-builder.ts';
import { systemClock } from '../../lib/clock.ts';
import { type Attempt, type FailureKind, UpstreamFailure } from '../../upstream/attempt.ts';
import { isOffered } from '../../upstream/balancer.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';
import { BreakerBank } from './breaker-bank.ts';
import { guard } from './circuit-breaker.policy.ts';

const CONFIG = { error_percent: 50, min_requests: 4, window: 10_000, open_for: 30 };

let bank: BreakerBank;
let lines: object[];
let gauge: Map<string, string>;
let service: ServiceTargets;

beforeEach(() => {
  lines = [];
  gauge = new Map();
  const log = (fields: object): void => void lines.push(fields);
  bank = new BreakerBank({
    clock: systemClock,
    log: { info: log, warn: log },
    metrics: { service: (name) => ({ circuitState: (target, state) => void gauge.set(`${name}/${target}`, state) }) },
  });
  service = buildService(['a:80', 'b:80']);
});
afterEach(() => bank.close());

function targetOf(of: ServiceTargets, i: number) {
  const target = of.targets[i];
  if (!target) throw new Error('no such target');
  return target;
}

function fail(kind: FailureKind): Attempt {
  return () => Promise.reject(new UpstreamFailure(kind, true));
}

async function callTimes(times: number, attempt: Attempt, of = service, config = CONFIG): Promise<void> {
  const guarded = guard(bank.of(of, config), attempt);
  for (let i = 0; i < times; i++) await guarded(buildExchange(), targetOf(of, 0)).catch(() => {});
}

const counts = () => bank.views().map(({ requests, failures }) => ({ requests, failures }))[0];

describe('what counts', () => {
  test.each<FailureKind>([
    'refused',
    'dns',
    'tls',
    'connect_timeout',
    'reset',
    'first_byte_timeout',
    'invalid_response',
  ])('a target that ends in %s is left alone', async (kind) => {
    await callTimes(4, fail(kind));
    expect(targetOf(service, 0).isAvailable).toBe(false);
    expect(targetOf(service, 1).isAvailable).toBe(true);
  });

  test.each<FailureKind>(['client_aborted', 'overloaded', 'circuit_open', 'request_body', 'internal'])(
    '%s says nothing about the target',
    async (kind) => {
      await callTimes(50, fail(kind));
      expect(counts()).toEqual({ requests: 0, failures: 0 });
    },
  );

  test.each([
    [200, { requests: 1, failures: 0 }],
    [304, { requests: 1, failures: 0 }],
    [501, { requests: 1, failures: 0 }],
    [404, { requests: 0, failures: 0 }],
    [429, { requests: 0, failures: 0 }],
    [500, { requests: 1, failures: 1 }],
    [503, { requests: 1, failures: 1 }],
    [529, { requests: 1, failures: 1 }],
  ])('status %i counts as %o', async (status, expected) => {
    await callTimes(1, async (_, target) => buildAnswer(target, status));
    expect(counts()).toEqual(expected);
  });

  test('a body that breaks off after its headers counts as a failure', async () => {
    const answers: BuiltAnswer[] = [];
    await callTimes(4, async (_, target) => {
      const answer = buildAnswer(target, 200);
      answers.push(answer);
      return answer;
    });
    for (const answer of answers.slice(0, 2)) answer.breakOff();
    expect(targetOf(service, 0).isAvailable).toBe(false);
  });

  test('an unexpected error passes through and still frees the probe slot', async () => {
    await callTimes(4, fail('reset'));
    await until(() => targetOf(service, 0).isAvailable);
    const bug = new Error('bug');
    const guarded = guard(bank.of(service, CONFIG), () => Promise.reject(bug));
    await expect(guarded(buildExchange(), targetOf(service, 0))).rejects.toBe(bug);
    expect(targetOf(service, 0).isAvailable).toBe(true);
  });
});

describe('a circuit through its life', () => {
  test('refuses without a call while open, and comes back by itself with one probe', async () => {
    await callTimes(4, fail('reset'));
    let calls = 0;
    const guarded = guard(bank.of(service, CONFIG), async (_, target) => {
      calls++;
      return buildAnswer(target, 200);
    });
    const refused = guarded(buildExchange(), targetOf(service, 0));
    await expect(refused).rejects.toMatchObject({ kind: 'circuit_open', sent: false });
    expect(calls).toBe(0);
    await until(() => targetOf(service, 0).isAvailable);
    await guarded(buildExchange(), targetOf(service, 0));
    expect(calls).toBe(1);
    expect(bank.views()[0]).toMatchObject({ state: 'closed', requests: 0 });
  });

  test('each change is one log line and one metric', async () => {
    await callTimes(4, fail('reset'));
    expect(gauge.get('sample/a:80')).toBe('open');
    await until(() => gauge.get('sample/a:80') === 'half_open');
    await callTimes(1, async (_, target) => buildAnswer(target, 200));
    expect(gauge).toEqual(
      new Map([
        ['sample/a:80', 'closed'],
        ['sample/b:80', 'closed'],
      ]),
    );
    expect(lines.map((line) => (line as { state: string }).state)).toEqual(['open', 'half_open', 'closed']);
    expect(lines[0]).toMatchObject({ service: 'sample', target: 'a:80', requests: 4, failures: 4 });
  });

  test('an administrator can close it, and learns when there is no such circuit', async () => {
    await callTimes(4, fail('reset'));
    expect(bank.views()[0]).toMatchObject({ service: 'sample', target: 'a:80', state: 'open', failures: 4 });
    expect(bank.reset('sample', 'a:80')).toBe(true);
    expect(targetOf(service, 0).isAvailable).toBe(true);
    expect(bank.reset('sample', 'nowhere:80')).toBe(false);
    expect(bank.reset('nobody', 'a:80')).toBe(false);
  });
});

describe('reloads', () => {
  const slow = { ...CONFIG, open_for: 60_000 };

  test('an open circuit stays open when its section is unchanged, and new target objects follow it', async () => {
    await callTimes(4, fail('reset'), service, slow);
    const reloaded = buildService(['a:80', 'b:80']);
    bank.of(reloaded, { ...slow });
    bank.retain(new Set([reloaded]));
    expect(targetOf(reloaded, 0).isAvailable).toBe(false);
    expect(bank.views()).toHaveLength(2);
    bank.reset('sample', 'a:80');
    expect(targetOf(reloaded, 0).isAvailable).toBe(true);
  });

  test('a changed section starts closed', async () => {
    await callTimes(4, fail('reset'), service, slow);
    bank.of(service, { ...slow, min_requests: 5 });
    bank.retain(new Set([service]));
    expect(targetOf(service, 0).isAvailable).toBe(true);
    expect(bank.views().map((view) => view.state)).toEqual(['closed', 'closed']);
  });

  test('a request still running on the old configuration is let through after its circuits are gone', async () => {
    const guarded = guard(bank.of(service, CONFIG), async (_, target) => buildAnswer(target, 200));
    bank.retain(new Set());
    expect(bank.views()).toEqual([]);
    await expect(guarded(buildExchange(), targetOf(service, 0))).resolves.toMatchObject({ status: 200 });
  });

  test('a removed target loses its circuit, the others keep theirs', async () => {
    await callTimes(4, fail('reset'), service, slow);
    const reloaded = buildService(['a:80']);
    bank.of(reloaded, slow);
    bank.retain(new Set([reloaded]));
    expect(bank.views().map((view) => view.target)).toEqual(['a:80']);
    expect(targetOf(reloaded, 0).isAvailable).toBe(false);
  });
});

describe('what one caller has seen', () => {
  const by = (payer: string) => Object.assign(buildExchange(), { clientIp: payer });
  const call = (payer: string, attempt: Attempt) =>
    guard(bank.of(service, CONFIG), attempt)(by(payer), targetOf(service, 0));
  const status =
    (code: number): Attempt =>
    async (_, target) =>
      buildAnswer(target, code);

  test.each([500, 503])('opens the circuit for that caller alone: status %i', async (code) => {
    for (let i = 0; i < 4; i++) await call('10.0.0.1', status(code));
    await expect(call('10.0.0.1', status(200))).rejects.toMatchObject({ kind: 'circuit_open' });
    for (let i = 0; i < 10; i++) expect((await call('10.0.0.2', status(200))).status).toBe(200);
    await expect(call('10.0.0.1', status(200))).rejects.toMatchObject({ kind: 'circuit_open' });
    const [target] = service.targets;
    expect([isOffered(target as Target, by('10.0.0.1')), isOffered(target as Target, by('10.0.0.2'))]).toEqual([
      false,
      true,
    ]);
    expect(lines).toEqual([expect.objectContaining({ state: 'open', for_one_caller: true })]);
  });

  test('opens it for all once a second caller has seen the same', async () => {
    for (let i = 0; i < 4; i++) await call('10.0.0.1', status(500));
    await call('10.0.0.2', status(500));
    await expect(call('10.0.0.3', status(200))).rejects.toMatchObject({ kind: 'circuit_open' });
  });

  test('opens it for all where two have seen it before', async () => {
    for (let i = 0; i < 4; i++) await call(`10.0.0.${i % 2}`, status(500));
    await expect(call('10.0.0.3', status(200))).rejects.toMatchObject({ kind: 'circuit_open' });
  });

  test.each<FailureKind>(['refused', 'dns', 'tls'])('opens it for all where it is %s', async (kind) => {
    for (let i = 0; i < 4; i++) await call('10.0.0.1', fail(kind)).catch(() => undefined);
    await expect(call('10.0.0.3', status(200))).rejects.toMatchObject({ kind: 'circuit_open' });
  });

  test('is over when the probe of that caller succeeds', async () => {
    for (let i = 0; i < 4; i++) await call('10.0.0.1', status(500));
    await until(() => targetOf(service, 0).isAvailable);
    await call('10.0.0.1', status(200));
    expect(targetOf(service, 0).heldFor).toBeUndefined();
    expect((await call('10.0.0.1', status(200))).status).toBe(200);
  });
});
