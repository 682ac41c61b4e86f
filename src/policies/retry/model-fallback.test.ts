import { beforeEach, describe, expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { buildModelCall } from '../../../tests/support/model-call-builder.ts';
import { ScriptedUpstream, sent, unsent } from '../../../tests/support/scripted-upstream.ts';
import { buildService, buildTarget } from '../../../tests/support/target-builder.ts';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';

let upstream: ScriptedUpstream;

beforeEach(() => {
  upstream = new ScriptedUpstream();
});

const TIMEOUTS = { connect: 0, first_byte: 0, idle: 0, idle_streamed: 0, total: 0 };

/** A chat request for the first model, which the others may answer. */
function asking(...models: [string, ...string[]]): Exchange & { model: object } {
  return Object.assign(buildExchange({ method: 'POST' }), { model: buildModelCall(...models) });
}

const llm = (...targets: Parameters<typeof buildService>[0]) => buildService(targets, 'llm');
/** One target for each of two models. */
const apart = () => llm(buildTarget('x:80', 1, ['big']), buildTarget('y:80', 1, ['small']));

describe('which failures move on', () => {
  test.each([
    ['a model the upstream does not know', 404],
    ['a rate limit that does not say how long it lasts', 429],
    ['a long rate limit', [429, 'Retry-After', '6'] as [number, string, string]],
    ['an error that may have been billed', 500],
    ['a timeout of the upstream', 408],
    ['a reset after sending', sent('reset')],
    ['silence', sent('first_byte_timeout')],
    ['a long outage', [503, 'Retry-After', '6'] as [number, string, string]],
  ])('%s: at once to the next model', async (_name, step) => {
    const exchange = asking('big', 'small');
    await expect(upstream.sendOf([step], apart())(exchange)).resolves.toMatchObject({ status: 200 });
    expect(upstream.calls).toEqual(['big at x:80', 'small at y:80']);
    expect(exchange.model.model.name).toBe('small');
  });

  test.each([
    ['an unsent failure', unsent()],
    ['503', 503],
    ['529', 529],
    ['a short rate limit', [429, 'Retry-After', '0'] as [number, string, string]],
  ])('%s: once more with the same model, then with the next', async (_name, step) => {
    await upstream.sendOf([step, step], apart())(asking('big', 'small'));
    expect(upstream.calls).toEqual(['big at x:80', 'big at x:80', 'small at y:80']);
  });

  test.each([400, 401, 403, 413, 422])('%i: nowhere', async (status) => {
    await expect(upstream.sendOf([status], apart())(asking('big', 'small'))).resolves.toMatchObject({ status });
    expect(upstream.calls).toEqual(['big at x:80']);
  });
});

describe('the order', () => {
  test('is other targets of the model, then the next model, for which the last attempt is kept', async () => {
    const service = llm('a:80', 'b:80', 'c:80');
    await upstream.sendOf([503, 503], service)(asking('big', 'small'));
    expect(upstream.calls).toEqual(['big at a:80', 'big at b:80', 'small at c:80']);
  });

  test('a target that failed with one model may be asked for another', async () => {
    await upstream.sendOf([500], llm('a:80'))(asking('big', 'small'));
    expect(upstream.calls).toEqual(['big at a:80', 'small at a:80']);
  });

  test('a model without an available target is passed over, at the start too', async () => {
    const service = apart();
    Object.assign(service.targets[0] ?? {}, { isAdmitting: false });
    await upstream.sendOf([], service)(asking('big', 'unserved', 'small'));
    expect([upstream.calls, upstream.reasons]).toEqual([['small at y:80'], []]);
  });

  test('a model whose provider cannot take the request is passed over, and the failure before it stands', async () => {
    const refusal = new GatewayError(new Rejection('VALIDATION_ERROR', 'Not with this provider.'));
    const requestFor = ({ model: call }: Exchange): never | { path: string; headers: []; body: null } => {
      if (call?.model.name === 'foreign') throw refusal;
      return { path: '/', headers: [], body: null };
    };
    const plan = { requestFor, pathFor: () => '/', timeouts: TIMEOUTS };
    const send = upstream.sendOf((call) => (call.startsWith('big') ? 500 : 200), llm('a:80'));
    await send(Object.assign(asking('big', 'foreign', 'small'), { plan }));
    expect(upstream.calls).toEqual(['big at a:80', 'small at a:80']);
    const alone = Object.assign(asking('big', 'foreign'), { plan });
    await expect(send(alone)).resolves.toMatchObject({ status: 500 });
    expect(alone.model).toMatchObject({ model: { name: 'big' }, lost: [] });
  });

  test('a model nobody serves is not found, and one whose targets are away is unavailable', async () => {
    const service = apart();
    await expect(upstream.sendOf([], service)(asking('unserved'))).rejects.toMatchObject({
      rejection: { code: 'MODEL_NOT_FOUND', status: 404 },
    });
    for (const target of service.targets) target.isHealthy = false;
    const exchange = asking('big', 'small');
    await expect(upstream.sendOf([], service)(exchange)).rejects.toMatchObject({
      rejection: { code: 'NO_HEALTHY_TARGET' },
    });
    expect(exchange.model.model.name).toBe('big');
  });
});

describe('the bounds', () => {
  test('attempts count across models, and the last answer reaches the client', async () => {
    const send = upstream.sendOf([404, 404, 404], llm('a:80'));
    await expect(send(asking('m1', 'm2', 'm3', 'm4'))).resolves.toMatchObject({ status: 404 });
    expect(upstream.calls).toEqual(['m1 at a:80', 'm2 at a:80', 'm3 at a:80']);
    expect(upstream.answers.map(({ isDiscarded }) => isDiscarded)).toEqual([true, true, false]);
  });

  test('an outage does not use the fallbacks up: the budget is for asking a model again', async () => {
    const send = upstream.sendOf((call) => (call.startsWith('big') ? 503 : 200), apart(), { budget_percent: 0 });
    for (let i = 0; i < 50; i++) await expect(send(asking('big', 'small'))).resolves.toMatchObject({ status: 200 });
    expect(upstream.calls.filter((call) => call === 'big at x:80')).toHaveLength(50 + 10);
    expect(upstream.calls.filter((call) => call === 'small at y:80')).toHaveLength(50);
  });

  test('a wait that would outlast the deadline is not begun where a fallback can answer', async () => {
    const exchange = asking('big', 'small');
    exchange.deadline.limitTotal(900);
    await upstream.sendOf([[429, 'Retry-After', '2']], apart())(exchange);
    exchange.deadline.clear();
    expect(upstream.calls).toEqual(['big at x:80', 'small at y:80']);
  });

  test('what may have been billed moves on once, and is noted as lost with the prompt it cost', async () => {
    const exchange = asking('m1', 'm2', 'm3');
    const send = upstream.sendOf([500, sent()], llm('a:80'));
    await expect(send(exchange)).rejects.toMatchObject({ kind: 'reset' });
    expect(upstream.calls).toEqual(['m1 at a:80', 'm2 at a:80']);
    expect(exchange.model.lost).toEqual([
      { model: exchange.model.candidates[0], usage: { inputTokens: 100, outputTokens: 0, isEstimated: true } },
    ]);
  });

  test('what was not billed is not noted', async () => {
    const exchange = asking('big', 'small');
    await upstream.sendOf([503, 404], apart())(exchange);
    expect(exchange.model.lost).toEqual([]);
  });
});

describe('what the client is told when the attempts are spent', () => {
  const headersAfter = async (script: Parameters<ScriptedUpstream['sendOf']>[0], service = apart()) => {
    const exchange = asking('big');
    const answer = await upstream.sendOf(script, service)(exchange);
    const headers = ['X-Should-Retry', 'true'];
    exchange.runHeadHooks(headers, answer.status);
    return headers;
  };

  test('not to try again, whatever the upstream said', async () => {
    expect(await headersAfter([503, 503, 503])).toEqual(['X-Should-Retry', 'false']);
  });

  test('nothing, while there were attempts left, or when it knows how long to wait, or on ordinary services', async () => {
    expect(await headersAfter([500])).toEqual(['X-Should-Retry', 'true']);
    expect(await headersAfter([503, 503, [503, 'Retry-After', '1']])).toEqual(['X-Should-Retry', 'true']);
    expect(await headersAfter([503, 503, 503], buildService(['a:80'], 'http'))).toEqual(['X-Should-Retry', 'true']);
  });
});
