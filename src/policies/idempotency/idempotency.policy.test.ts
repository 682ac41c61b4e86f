// What needs no gateway to be seen: whole ones are in tests/integration/idempotency.test.ts.
import { expect, jest, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { until } from '../../../tests/support/poll.ts';
import { Rejection } from '../../errors/rejection.ts';
import type { ChargeReceipt } from '../../exchange/receipts.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { HeaderList } from '../../edge/header-list.ts';
import { type Principal, UNBOUNDED } from '../../exchange/principal.ts';
import { Shelf } from '../../lib/shelf.ts';
import type { Claim, ClaimResult, IdempotencyStore } from '../../storage/idempotency/idempotency-store.ts';
import type { Verdict } from '../policy.ts';
import { createIdempotencyStep } from './idempotency.policy.ts';

const ADA: Principal = {
  ...UNBOUNDED,
  consumer: { id: 'ada', name: 'Ada', tier: undefined },
  credential: { kind: 'api_key', id: 'k', prefix: 'sk', hashPrefix: '0' },
  lob: undefined,
  claims: {},
  expiresAt: undefined,
  limits: [],
};

/** A store that says what it is told to, and writes down what it is asked. */
class ScriptedStore implements IdempotencyStore {
  readonly asked: string[] = [];
  /** Called instead of claiming. */
  answer: (claim: Claim) => ClaimResult = (claim) => ({ kind: 'claimed', claim });
  failures = 0;
  /** Holds back the writing of an answer. */
  gate: Promise<void> | undefined;

  async claim(key: string): Promise<ClaimResult> {
    this.asked.push('claim');
    return this.answer({ key, lease: 'l' });
  }

  renew = async (): Promise<void> => void this.asked.push('renew');
  release = async (): Promise<void> => void this.asked.push('release');
  close = async (): Promise<void> => undefined;

  async complete(): Promise<void> {
    await this.gate;
    this.asked.push('complete');
    if (this.failures-- > 0) throw new Error('away');
  }
}

function post(refunds: string[] = []): Exchange {
  const headers = HeaderList.from(['Idempotency-Key', 'k']);
  const charge: ChargeReceipt = { settle: () => undefined, refund: (what) => void refunds.push(what) };
  return Object.assign(buildExchange({ method: 'POST', headers }), { principal: ADA, charge });
}

function stepOn(store: ScriptedStore) {
  const log = { warn: jest.fn(), debug: jest.fn() };
  const deps = { idempotency: async () => store, log, shelf: new Shelf().hold(), callerShare: 50 };
  const { decide } = createIdempotencyStep({ ttl: 1_000, max_recorded_bytes: 1_024 }, deps);
  return { decide: (exchange: Exchange): Verdict | Promise<Verdict> => decide(exchange), log };
}

test.each([
  ['running', 'IDEMPOTENCY_IN_PROGRESS', 409],
  ['mismatch', 'IDEMPOTENCY_MISMATCH', 422],
  ['unkept', 'CONFLICT', 409],
] as const)('a key that is %s is refused with %s and costs nothing', async (kind, code, status) => {
  const [store, refunds] = [new ScriptedStore(), [] as string[]];
  store.answer = () => ({ kind });
  expect(await stepOn(store).decide(post(refunds))).toMatchObject({ code, status });
  expect(refunds).toEqual(['all']);
});

test('a store that fails refuses with 503 and costs nothing', async () => {
  const [store, refunds] = [new ScriptedStore(), [] as string[]];
  store.answer = () => {
    throw new Error('away');
  };
  const verdict = await stepOn(store).decide(post(refunds));
  expect(verdict).toBeInstanceOf(Rejection);
  expect(verdict).toMatchObject({ code: 'STORE_UNAVAILABLE', headers: { 'Retry-After': '1' } });
  expect(refunds).toEqual(['all']);
});

test('a replay costs the request and neither tokens nor money', async () => {
  const [store, refunds] = [new ScriptedStore(), [] as string[]];
  store.answer = () => ({ kind: 'recorded', answer: { status: 201, headers: [], body: Buffer.from('x') } });
  expect(await stepOn(store).decide(post(refunds))).toMatchObject({ status: 201, body: Buffer.from('x') });
  expect(refunds).toEqual(['usage']);
});

test('nobody without a consumer gets an answer kept: nothing is asked of the store', async () => {
  const store = new ScriptedStore();
  expect(await stepOn(store).decide(Object.assign(post(), { principal: undefined }))).toBeUndefined();
  expect(store.asked).toEqual([]);
});

test('a claim is renewed three times per lease while its request runs, and no more once it has ended', async () => {
  jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate', 'nextTick'] });
  try {
    const store = new ScriptedStore();
    const exchange = post();
    await stepOn(store).decide(exchange);
    jest.advanceTimersByTime(60_000);
    exchange.settle();
    jest.advanceTimersByTime(60_000);
    expect(store.asked).toEqual(['claim', 'renew', 'renew', 'renew', 'release']);
  } finally {
    jest.useRealTimers();
  }
});

test('who leaves while the key is being looked up leaves no claim behind', async () => {
  const store = new ScriptedStore();
  const exchange = post();
  const verdict = stepOn(store).decide(exchange);
  exchange.res.destroy();
  expect(await verdict).toBeUndefined();
  expect(store.asked).toEqual(['claim', 'release']);
});

test('an answer that cannot be written at once is written a moment later', async () => {
  const store = new ScriptedStore();
  store.failures = 1;
  const { decide, log } = stepOn(store);
  const exchange = post();
  await decide(exchange);
  exchange.runHeadHooks([], 200);
  exchange.isAnswerWhole = true;
  exchange.settle();
  await until(() => store.asked.filter((what) => what === 'complete').length === 2);
  expect(log.warn).not.toHaveBeenCalled();
});

test('a repetition that comes while the answer is being written waits for that instead of being told that it runs', async () => {
  const store = new ScriptedStore();
  const { promise, resolve: write } = Promise.withResolvers<void>();
  store.gate = promise;
  const { decide } = stepOn(store);
  const first = post();
  await decide(first);
  first.runHeadHooks([], 200);
  first.isAnswerWhole = true;
  first.settle();
  const again = decide(post());
  // Everything that need not wait has happened by then.
  await new Promise((resolve) => setImmediate(resolve));
  expect(store.asked).toEqual(['claim']);
  write();
  await again;
  expect(store.asked).toEqual(['claim', 'complete', 'claim']);
});
