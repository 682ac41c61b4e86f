import { describe, expect, test } from '@jest/globals';
import { buildModelCall } from '../../tests/support/model-call-builder.ts';
import { buildService, buildTarget } from '../../tests/support/target-builder.ts';
import { type FailureKind, UpstreamFailure } from './attempt.ts';
import { rejectionOf, unavailable } from './classify.ts';

describe('what the client is told', () => {
  test.each<[FailureKind, string, number]>([
    ['refused', 'UPSTREAM_ERROR', 502],
    ['dns', 'UPSTREAM_ERROR', 502],
    ['tls', 'UPSTREAM_ERROR', 502],
    ['reset', 'UPSTREAM_ERROR', 502],
    ['invalid_response', 'UPSTREAM_INVALID_RESPONSE', 502],
    ['connect_timeout', 'UPSTREAM_TIMEOUT', 504],
    ['first_byte_timeout', 'UPSTREAM_TIMEOUT', 504],
    ['total_timeout', 'UPSTREAM_TIMEOUT', 504],
    ['overloaded', 'OVERLOADED', 503],
    ['circuit_open', 'CIRCUIT_OPEN', 503],
    ['request_body', 'VALIDATION_ERROR', 400],
    ['internal', 'INTERNAL_ERROR', 500],
  ])('%s is %s (%i)', (kind, code, status) => {
    expect(rejectionOf(new UpstreamFailure(kind, false))).toMatchObject({ code, status });
  });

  test('the address in a cause is kept for the log and out of the answer', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:8080'), { code: 'ECONNREFUSED' });
    const rejection = rejectionOf(new UpstreamFailure('refused', false, cause));
    expect(rejection.internal).toBe('refused (ECONNREFUSED: connect ECONNREFUSED 10.0.0.7:8080)');
    expect(rejection.detail).not.toMatch(/\d/);
    expect(JSON.stringify([rejection.headers, rejection.facts])).not.toContain('10.0.0.7');
  });

  test.each<FailureKind>(['overloaded', 'circuit_open'])('%s says when to come back', (kind) => {
    expect(rejectionOf(new UpstreamFailure(kind, false))).toMatchObject({
      headers: { 'Retry-After': '1' },
      facts: { retryAfterSeconds: 1 },
    });
  });

  test('a connection whose request was not read to its end is closed', () => {
    expect(rejectionOf(new UpstreamFailure('request_body', true)).closes).toBe(true);
    expect(rejectionOf(new UpstreamFailure('reset', true)).closes).toBe(false);
  });
});

describe('no target', () => {
  const NO_MODEL = { model: undefined };

  test('looks at the targets that serve the model; without any it is a model nobody has', () => {
    const service = buildService([buildTarget('a:80', 1, ['gpt-*']), buildTarget('b:80', 1, ['llama'])]);
    const [a, b] = service.targets;
    Object.assign(a ?? {}, { isHealthy: false });
    Object.assign(b ?? {}, { isAdmitting: false });
    const codeFor = (model: string) => unavailable(service, { model: buildModelCall(model) }).code;
    expect([codeFor('gpt-4'), codeFor('llama'), codeFor('other')]).toEqual([
      'NO_HEALTHY_TARGET',
      'CIRCUIT_OPEN',
      'MODEL_NOT_FOUND',
    ]);
  });

  test('a healthy target behind an open circuit counts, an unhealthy one does not', () => {
    const service = buildService(['a:80', 'b:80']);
    for (const target of service.targets) target.isAdmitting = false;
    for (const target of service.targets) target.admitsAgainAt = 61_000;
    expect(unavailable(service, NO_MODEL, 1_000)).toMatchObject({
      code: 'CIRCUIT_OPEN',
      headers: { 'Retry-After': '60' },
    });
    for (const target of service.targets) target.isHealthy = false;
    expect(unavailable(service, NO_MODEL, 1_000)).toMatchObject({ code: 'NO_HEALTHY_TARGET', status: 503 });
  });

  test('while a probe is running the wait is one second, never zero', () => {
    const service = buildService(['a:80']);
    for (const target of service.targets) target.isAdmitting = false;
    expect(unavailable(service, NO_MODEL, 1_000)).toMatchObject({ headers: { 'Retry-After': '1' } });
  });
});
