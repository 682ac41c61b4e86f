import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ERROR_CATALOG, type ErrorCode } from './catalog.ts';
import { type Dialect, DIALECTS } from './dialect.ts';
import { Rejection } from './rejection.ts';
import { renderRejection, renderStreamError } from './render.ts';

const context = { requestId: 'req_1', path: '/service1/test' };

const overLimit = new Rejection('RATE_LIMIT_EXCEEDED', 'At most 60 requests per minute.', {
  facts: {
    retryAfterSeconds: 42,
    limit: 60,
    currentCount: 60,
    limitType: 'minute',
    resetAtMs: Date.UTC(2026, 1, 1, 11, 30, 0, 250),
  },
});

function bodyOf(rejection: Rejection, dialect: Dialect): unknown {
  return JSON.parse(renderRejection(rejection, dialect, context).body);
}

describe('the body of a refusal', () => {
  test('in the problem dialect is an RFC 9457 object with code and request id', () => {
    expect(bodyOf(overLimit, 'problem')).toEqual({
      type: 'urn:turnpike:error:RATE_LIMIT_EXCEEDED',
      title: 'Rate limit exceeded',
      status: 429,
      detail: 'At most 60 requests per minute.',
      instance: '/service1/test',
      code: 'RATE_LIMIT_EXCEEDED',
      request_id: 'req_1',
    });
  });

  test('in the openai dialect has message, type, param and code, with param null when no field is at fault', () => {
    expect(bodyOf(overLimit, 'openai')).toEqual({
      error: {
        message: 'At most 60 requests per minute.',
        type: 'rate_limit_error',
        param: null,
        code: 'RATE_LIMIT_EXCEEDED',
      },
      request_id: 'req_1',
    });
    const invalid = new Rejection('VALIDATION_ERROR', 'model must be a string', { facts: { param: 'model' } });
    expect(bodyOf(invalid, 'openai')).toMatchObject({ error: { type: 'invalid_request_error', param: 'model' } });
  });

  test('in the anthropic dialect is a typed error object', () => {
    expect(bodyOf(new Rejection('OVERLOADED', 'Busy.'), 'anthropic')).toEqual({
      type: 'error',
      error: { type: 'overloaded_error', message: 'Busy.' },
      request_id: 'req_1',
    });
  });

  test('in the simple dialect carries the numbers of the limit and its sentence', () => {
    expect(bodyOf(overLimit, 'simple')).toEqual({
      error: 'Rate limit exceeded',
      detail: 'Rate limit exceeded: 60 requests per minute. Retry after 42 seconds.',
      code: 'RATE_LIMIT_EXCEEDED',
      retry_after: 42,
      limit: 60,
      limit_type: 'minute',
    });
  });

  test('in the simple dialect leaves out what a refusal without a limit cannot say', () => {
    expect(bodyOf(new Rejection('NOT_FOUND', 'No route matches.'), 'simple')).toEqual({
      error: 'Nothing is served here',
      detail: 'No route matches.',
      code: 'NOT_FOUND',
    });
  });

  test('in the envelope dialect names the limit in its message and its state in the details', () => {
    const hourly = new Rejection('RATE_LIMIT_EXCEEDED', 'Too many.', {
      facts: { ...overLimit.facts, limit: 100, currentCount: 100, limitType: 'hour' },
    });
    expect(bodyOf(hourly, 'envelope')).toEqual({
      request_id: 'req_1',
      status: 'error',
      error_code: 'RATE_LIMIT_EXCEEDED',
      message: 'User has exceeded rate limit (100 requests/hour)',
      details: { current_count: 100, limit: 100, reset_at: '2026-02-01T11:30:00Z' },
    });
  });

  test('in the envelope dialect keeps the detail of other refusals and an empty details object', () => {
    expect(bodyOf(new Rejection('EXPIRED_CREDENTIAL', 'Token has expired'), 'envelope')).toEqual({
      request_id: 'req_1',
      status: 'error',
      error_code: 'EXPIRED_CREDENTIAL',
      message: 'Token has expired',
      details: {},
    });
  });

  test('never shows the internal reason, in any dialect', () => {
    const failed = new Rejection('UPSTREAM_ERROR', 'The upstream broke off.', { internal: 'ECONNRESET 10.0.0.7:5432' });
    for (const dialect of DIALECTS) expect(renderRejection(failed, dialect, context).body).not.toContain('10.0.0.7');
  });

  test('is JSON that carries any detail unharmed, with its exact length in bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...DIALECTS), (detail, dialect) => {
        const { body, headers } = renderRejection(new Rejection('VALUE_ERROR', detail), dialect, context);
        expect(valuesIn(JSON.parse(body))).toContain(detail);
        expect(headers[headers.indexOf('Content-Length') + 1]).toBe(String(Buffer.byteLength(body)));
      }),
    );
  });
});

describe('the head of a refusal', () => {
  test('has the status of the catalogue for every code and dialect', () => {
    for (const [code, { status }] of Object.entries(ERROR_CATALOG)) {
      for (const dialect of DIALECTS) {
        expect(renderRejection(new Rejection(code as ErrorCode, ''), dialect, context).status).toBe(status);
      }
    }
  });

  test('forbids sniffing and caching and names the media type of the dialect', () => {
    const problem = renderRejection(new Rejection('NOT_FOUND', ''), 'problem', context).headers;
    expect(problem.slice(0, 2)).toEqual(['Content-Type', 'application/problem+json']);
    const simple = renderRejection(new Rejection('NOT_FOUND', ''), 'simple', context).headers;
    expect(simple.slice(0, 2)).toEqual(['Content-Type', 'application/json']);
    expect(simple.slice(4)).toEqual(['X-Content-Type-Options', 'nosniff', 'Cache-Control', 'no-store']);
  });

  test('tells a known wait on 429 and 503 in seconds and milliseconds', () => {
    const { headers } = renderRejection(overLimit, 'openai', context);
    expect(headers.slice(-4)).toEqual(['Retry-After', '42', 'Retry-After-Ms', '42000']);
  });

  test('keeps the headers of the rejection and does not repeat its Retry-After', () => {
    const rejection = new Rejection('OVERLOADED', '', {
      headers: { 'retry-after': '1', 'Retry-After-Ms': '900' },
      facts: { retryAfterSeconds: 1 },
    });
    expect(renderRejection(rejection, 'simple', context).headers.slice(8)).toEqual([
      'retry-after',
      '1',
      'Retry-After-Ms',
      '900',
    ]);
  });

  test('closes the connection when the rejection says it cannot be used again', () => {
    const tooLarge = new Rejection('BODY_TOO_LARGE', '', { closes: true });
    expect(renderRejection(tooLarge, 'problem', context).headers.slice(-2)).toEqual(['Connection', 'close']);
  });
});

describe('the error event of a broken stream', () => {
  const broken = new Rejection('UPSTREAM_ERROR', 'The upstream broke off.');

  test('is a bare data event in the openai dialect', () => {
    const event = renderStreamError(broken, 'openai', context);
    expect(event).toMatch(/^data: \{"error":\{.*\}\n\n$/);
    expect(JSON.parse(event.slice(6))).toEqual(bodyOf(broken, 'openai'));
  });

  test('is an event named error in every other dialect', () => {
    for (const dialect of DIALECTS.filter((name) => name !== 'openai')) {
      const event = renderStreamError(broken, dialect, context);
      expect(event.startsWith('event: error\ndata: ')).toBe(true);
      expect(JSON.parse(event.slice(19))).toEqual(bodyOf(broken, dialect));
    }
  });

  test('is one event whatever the detail holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...DIALECTS), (detail, dialect) => {
        const event = renderStreamError(new Rejection('UPSTREAM_ERROR', detail), dialect, context);
        expect(event.indexOf('\n\n')).toBe(event.length - 2);
        expect(event).not.toContain('\r');
      }),
    );
  });
});

function valuesIn(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(valuesIn) : [value];
}
