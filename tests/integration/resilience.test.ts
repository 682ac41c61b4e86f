import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { EdgeRequest } from '../../src/edge/edge-request.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { BreakerBank } from '../../src/policies/circuit-breaker/breaker-bank.ts';
import { guard } from '../../src/policies/circuit-breaker/circuit-breaker.policy.ts';
import { createRetryingSend } from '../../src/policies/retry/retry.policy.ts';
import { RetryBudget } from '../../src/policies/retry/retry-budget.ts';
import type { Send } from '../../src/upstream/attempt.ts';
import { createBalancer } from '../../src/upstream/balancer.ts';
import { createForwarder } from '../../src/upstream/forward.ts';
import { UpstreamPools } from '../../src/upstream/pools.ts';
import { type ServiceTargets, Target } from '../../src/upstream/targets.ts';
import { buildExchange } from '../support/exchange-builder.ts';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { answerOk, inTurn, type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';

const BREAKER = { error_percent: 50, min_requests: 4, window: 10_000, open_for: 40 };
const TIMEOUTS = { connect: 2_000, first_byte: 300, idle: 5_000, idle_streamed: 5_000, total: 0 };

let upstream: RawUpstream;
let pools: UpstreamPools;
let bank: BreakerBank;
let exchanges: Exchange[];

beforeEach(async () => {
  exchanges = [];
  upstream = await startRawUpstream();
  pools = new UpstreamPools();
  const ignore = (): void => {};
  const metrics = { service: () => ({ circuitState: ignore }) };
  bank = new BreakerBank({ clock: systemClock, log: { info: ignore, warn: ignore }, metrics });
});
afterEach(async () => {
  for (const exchange of exchanges) exchange.deadline.clear();
  bank.close();
  await pools.destroy();
  await upstream.close();
});

/** Retries, breakers and the real forwarder towards these addresses, tried in this order. */
function serviceOf(urls: readonly string[], attempts = 3): { service: ServiceTargets; send: Send } {
  const targets = urls.map((url) => {
    const { host, origin } = new URL(url);
    return new Target({ name: host, origin, authority: host, basePath: '', weight: 1, maxConnections: 100 });
  });
  for (const target of targets) pools.open(target, { connectMs: 2_000, tls: undefined });
  const service: ServiceTargets = { service: 's', kind: 'http', targets, pick: createBalancer('round_robin', targets) };
  const send = createRetryingSend({
    config: { attempts, backoff: { initial: 1, max: 2 }, budget_percent: 100, methods: 'idempotent' },
    targets: service,
    budget: new RetryBudget(100),
    metrics: { retry: () => {} },
    clock: systemClock,
    attempt: guard(bank.of(service, BREAKER), createForwarder(pools)),
  });
  return { service, send };
}

function request(edge: Partial<EdgeRequest> = {}): Exchange {
  const exchange = buildExchange(edge);
  exchange.plan = {
    timeouts: TIMEOUTS,
    pathFor: ({ edge }) => edge.path,
    requestFor: ({ edge: { path } }) => ({ path, headers: [], body: null }),
  };
  exchanges.push(exchange);
  return exchange;
}

const outcomes = (exchange: Exchange) => exchange.attempts.map(({ failure, status }) => failure ?? status);

describe('retries on the wire', () => {
  test('a POST refused by one target arrives exactly once at the other', async () => {
    const { send } = serviceOf([`http://127.0.0.1:${await findFreePort()}`, upstream.url]);
    const exchange = request({ method: 'POST' });
    await expect(send(exchange)).resolves.toMatchObject({ status: 200 });
    expect(outcomes(exchange)).toEqual(['refused', 200]);
    expect(upstream.requests.map(({ method }) => method)).toEqual(['POST']);
  });

  test('a POST whose connection is reset after sending is not sent again', async () => {
    upstream.play((call) => call.reset());
    const exchange = request({ method: 'POST' });
    await expect(serviceOf([upstream.url]).send(exchange)).rejects.toMatchObject({ kind: 'reset', sent: true });
    expect(upstream.requests).toHaveLength(1);
  });

  test('a GET survives a reset and a 503, and the refused answer does not cost its connection', async () => {
    upstream.play(
      inTurn(
        (call) => call.reset(),
        (call) => call.answer(503, 'busy'),
        answerOk,
      ),
    );
    const exchange = request();
    await expect(serviceOf([upstream.url]).send(exchange)).resolves.toMatchObject({ status: 200 });
    expect(outcomes(exchange)).toEqual(['reset', 503, 200]);
    expect(upstream.requests[1]?.connection.socket.destroyed).toBe(false);
  });

  test('an upstream that never answers is given up at the first-byte deadline', async () => {
    upstream.play(() => {});
    const exchange = request();
    await expect(serviceOf([upstream.url]).send(exchange)).rejects.toMatchObject({ kind: 'first_byte_timeout' });
    expect(upstream.requests).toHaveLength(1);
  });
});

describe('the breaker on the wire', () => {
  test('opens while the upstream is dead, refuses without a connection, and closes with one probe', async () => {
    const { send, service } = serviceOf([upstream.url], 1);
    await upstream.close();
    for (let i = 0; i < 4; i++) await expect(send(request())).rejects.toMatchObject({ kind: 'refused' });
    await expect(send(request())).rejects.toMatchObject({ rejection: { code: 'CIRCUIT_OPEN' } });
    await upstream.reopen();
    expect(upstream.requests).toHaveLength(0);

    await until(() => service.targets[0]?.isAvailable);
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => send(request())));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(upstream.requests).toHaveLength(1);
    expect(bank.views()[0]).toMatchObject({ state: 'closed' });
  });

  test('a probe that hangs opens it again at its deadline, and the next one closes it', async () => {
    const { send, service } = serviceOf([upstream.url], 1);
    upstream.play((call) => call.answer(500));
    for (let i = 0; i < 4; i++) await send(request());
    await until(() => service.targets[0]?.isAvailable);
    upstream.play(() => {});
    await expect(send(request())).rejects.toMatchObject({ kind: 'first_byte_timeout' });
    expect(bank.views()[0]).toMatchObject({ state: 'open' });
    upstream.play(answerOk);
    await until(() => service.targets[0]?.isAvailable);
    await send(request());
    expect(bank.views()[0]).toMatchObject({ state: 'closed' });
  });

  test('streams that die after their headers open it', async () => {
    const { send, service } = serviceOf([upstream.url], 1);
    upstream.play(async (call) => {
      await call.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
      await call.write('5\r\ndata:\r\n');
      call.end();
    });
    for (let i = 0; i < 4; i++) {
      const answer = await send(request());
      answer.deliver(['content-type', 'text/event-stream']);
    }
    await until(() => service.targets[0]?.isAdmitting === false);
    expect(bank.views()[0]).toMatchObject({ requests: 4 });
  });

  test('clients that leave say nothing about the target', async () => {
    const { send } = serviceOf([upstream.url], 1);
    upstream.play(() => {});
    for (let i = 0; i < 10; i++) {
      const exchange = request();
      const answer = send(exchange);
      await until(() => upstream.requests.length === i + 1);
      exchange.running?.abandon();
      await expect(answer).rejects.toMatchObject({ kind: 'client_aborted' });
    }
    expect(bank.views()[0]).toMatchObject({ state: 'closed', requests: 0 });
  });
});
