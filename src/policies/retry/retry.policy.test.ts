import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BuiltAnswer } from '../../../tests/support/answer-builder.ts';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { until } from '../../../tests/support/poll.ts';
import { ScriptedUpstream, sent, unsent } from '../../../tests/support/scripted-upstream.ts';
import { buildService } from '../../../tests/support/target-builder.ts';
import type { UpstreamFailure } from '../../upstream/attempt.ts';
import type { BalancedExchange, ServiceTargets, Target } from '../../upstream/targets.ts';

let upstream: ScriptedUpstream;
let calls: string[];
let answers: readonly BuiltAnswer[];
let reasons: string[];

beforeEach(() => {
  upstream = new ScriptedUpstream();
  ({ calls, answers, reasons } = upstream);
});

const sendOf: ScriptedUpstream['sendOf'] = (...script) => upstream.sendOf(...script);
const post = () => buildExchange({ method: 'POST' });
const two = (kind: ServiceTargets['kind'] = 'http') => buildService(['a:80', 'b:80'], kind);

describe('what is repeated', () => {
  test('a first answer that is good is returned after one call', async () => {
    await expect(sendOf([200])(buildExchange())).resolves.toMatchObject({ status: 200 });
    expect([calls, reasons]).toEqual([['a:80'], []]);
  });

  test('an unsent failure is repeated for a POST, and counted by its reason', async () => {
    await expect(sendOf([unsent(), unsent('dns')])(post())).resolves.toMatchObject({ status: 200 });
    expect(reasons).toEqual(['refused', 'dns']);
  });

  test('a POST that may have reached the upstream runs once', async () => {
    await expect(sendOf([sent()])(post())).rejects.toMatchObject({ kind: 'reset' });
    await expect(sendOf([503])(post())).resolves.toMatchObject({ status: 503 });
    expect(calls).toHaveLength(2);
  });

  test('with `methods: all` a POST is repeated like a GET', async () => {
    const send = sendOf([sent(), 503], buildService(['a:80']), { methods: 'all' });
    await expect(send(post())).resolves.toMatchObject({ status: 200 });
    expect(reasons).toEqual(['reset', 'status_503']);
  });

  test('each retry goes to a target that has not been tried', async () => {
    await sendOf([503, 503], buildService(['a:80', 'b:80', 'c:80']))(buildExchange());
    expect(calls).toEqual(['a:80', 'b:80', 'c:80']);
  });

  test('a failed answer is discarded before the next attempt', async () => {
    await sendOf([503, 502])(buildExchange());
    expect(answers.map((answer) => answer.isDiscarded)).toEqual([true, true, false]);
  });

  test('an error that is no upstream failure passes through untouched', async () => {
    const bug = new Error('bug');
    await expect(sendOf([bug])(buildExchange())).rejects.toBe(bug);
    await expect(sendOf([unsent(), bug])(buildExchange())).rejects.toBe(bug);
    expect(calls).toHaveLength(3);
  });
});

describe('when it ends', () => {
  test('when attempts are spent the last answer reaches the client as it is', async () => {
    const answer = await sendOf([502, 502, [503, 'Retry-After', '9']])(buildExchange());
    expect(answer).toBe(answers[2]);
    expect(answers[2]?.isDiscarded).toBe(false);
    expect(calls).toHaveLength(3);
  });

  test('when attempts are spent the last failure is the result', async () => {
    const send = sendOf([unsent('dns'), unsent('tls'), unsent('refused')]);
    await expect(send(buildExchange())).rejects.toMatchObject({ kind: 'refused' });
    expect(reasons).toEqual(['dns', 'tls']);
  });

  test('`attempts: 1` never repeats', async () => {
    const send = sendOf([unsent()], buildService(['a:80']), { attempts: 1 });
    await expect(send(buildExchange())).rejects.toMatchObject({ kind: 'refused' });
    expect(calls).toHaveLength(1);
  });

  test('nothing is repeated once the response has begun', async () => {
    const exchange = buildExchange();
    exchange.res.writeHead(200);
    await expect(sendOf([unsent()])(exchange)).rejects.toMatchObject({ kind: 'refused' });
    expect(calls).toHaveLength(1);
  });

  test('a body that has been streamed cannot be sent again', async () => {
    const exchange = buildExchange({ method: 'PUT', chunked: true });
    exchange.body.bytesRead = 1;
    await expect(sendOf([unsent()])(exchange)).rejects.toMatchObject({ kind: 'refused' });
    expect(calls).toHaveLength(1);
  });

  test('a wait that would outlast the deadline is not begun', async () => {
    const exchange = buildExchange();
    exchange.deadline.limitTotal(900);
    await expect(sendOf([[503, 'Retry-After', '1']])(exchange)).resolves.toMatchObject({ status: 503 });
    expect(calls).toHaveLength(1);
    exchange.deadline.clear();
  });

  test('a client that leaves while a retry is being waited for ends it, and the held answer is dropped', async () => {
    const exchange = buildExchange();
    const answer = sendOf([[503, 'Retry-After', '20']])(exchange);
    await until(() => exchange.res.listenerCount('close') === 1);
    exchange.res.destroy();
    exchange.res.emit('close');
    await expect(answer).rejects.toMatchObject({ kind: 'client_aborted' });
    expect(answers[0]?.isDiscarded).toBe(true);
    expect([calls, reasons]).toEqual([['a:80'], []]);
    expect(exchange.res.listenerCount('close')).toBe(0);
  });

  test('a spent budget lets failures through: 1,000 failing requests add at most 10 percent and 10', async () => {
    const send = sendOf(Array.from({ length: 3_000 }, () => unsent()));
    for (let wave = 0; wave < 100; wave++) {
      await Promise.allSettled(Array.from({ length: 10 }, () => send(buildExchange())));
      expect(calls.length).toBeLessThanOrEqual((wave + 1) * 11 + 10);
    }
    expect(calls).toHaveLength(1_000 + 10 + 99);
  });
});

describe('Retry-After', () => {
  test('is waited for at the target that sent it', async () => {
    const startedAt = performance.now();
    await sendOf([[503, 'Retry-After', '1']])(buildExchange());
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    expect(calls).toEqual(['a:80', 'a:80']);
  });

  test('does not hold back a fresh target', async () => {
    const answer = await sendOf([[503, 'Retry-After', '3600']], two())(buildExchange());
    expect([answer.status, calls]).toEqual([200, ['a:80', 'b:80']]);
  });

  test('longer than half a minute goes to the client instead', async () => {
    await expect(sendOf([[503, 'Retry-After', '31']])(buildExchange())).resolves.toMatchObject({ status: 503 });
  });
});

describe('model calls', () => {
  test('what may have been billed moves to another target, once', async () => {
    const send = sendOf([500, sent()], buildService(['a:80', 'b:80', 'c:80'], 'llm'));
    await expect(send(post())).rejects.toMatchObject({ kind: 'reset' });
    expect(calls).toEqual(['a:80', 'b:80']);
  });

  test('what may have been billed stays where it is when there is no other target', async () => {
    await expect(sendOf([500], buildService(['a:80'], 'llm'))(post())).resolves.toMatchObject({ status: 500 });
    expect(calls).toHaveLength(1);
  });

  test('529 and a short rate limit are repeated at the same target', async () => {
    const send = sendOf([529, [429, 'Retry-After', '0']], buildService(['a:80'], 'llm'));
    await expect(send(post())).resolves.toMatchObject({ status: 200 });
    expect(reasons).toEqual(['status_529', 'status_429']);
  });

  test('400, 401, 413 and 422 go to the client', async () => {
    for (const status of [400, 401, 413, 422])
      await expect(sendOf([status], two('llm'))(post())).resolves.toMatchObject({ status });
    expect(calls).toHaveLength(4);
  });
});

describe('when no target is left', () => {
  test('all unhealthy: 503 NO_HEALTHY_TARGET with Retry-After and no call', async () => {
    const service = two();
    for (const target of service.targets) target.isHealthy = false;
    const refused = sendOf([200], service)(buildExchange());
    await expect(refused).rejects.toMatchObject({
      rejection: { code: 'NO_HEALTHY_TARGET', headers: { 'Retry-After': '5' } },
    });
    expect(calls).toEqual([]);
  });

  test('circuits open: 503 CIRCUIT_OPEN with the wait until the first one probes', async () => {
    const service = two();
    service.targets.forEach((target, i) => {
      target.isAdmitting = false;
      target.admitsAgainAt = performance.now() + 7_500 + i * 60_000;
    });
    const refused = sendOf([200], service)(buildExchange());
    await expect(refused).rejects.toMatchObject({
      rejection: { code: 'CIRCUIT_OPEN', headers: { 'Retry-After': '8' } },
    });
  });

  test('a circuit that opened meanwhile refuses after a failure, but an answer in hand is delivered', async () => {
    const service = buildService(['a:80']);
    const close = (failure: UpstreamFailure) => Object.defineProperty(failure, 'sent', { get: () => shut(service) });
    const shut = ({ targets }: ServiceTargets) => {
      for (const target of targets) target.isAdmitting = false;
      return false;
    };
    await expect(sendOf([close(unsent())], service)(buildExchange())).rejects.toMatchObject({
      rejection: { code: 'CIRCUIT_OPEN' },
    });
    const pick = service.pick;
    let picks = 0;
    const shrinking = {
      ...service,
      pick: (tried: readonly Target[], exchange: BalancedExchange) =>
        picks++ === 0 ? service.targets[0] : pick(tried, exchange),
    };
    await expect(sendOf([503], shrinking)(buildExchange())).resolves.toMatchObject({ status: 503 });
    expect(answers[0]?.isDiscarded).toBe(false);
  });

  test('a full target fails at once unless another one has room', async () => {
    await expect(sendOf([unsent('overloaded')])(buildExchange())).rejects.toMatchObject({ kind: 'overloaded' });
    await expect(sendOf([unsent('overloaded')], two())(buildExchange())).resolves.toMatchObject({ status: 200 });
    expect(calls).toEqual(['a:80', 'a:80', 'b:80']);
  });
});
