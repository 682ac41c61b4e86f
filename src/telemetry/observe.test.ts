import { describe, expect, test } from '@jest/globals';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange, MatchedRoute } from '../exchange/exchange.ts';
import type { AttemptRecord } from '../exchange/attempt-record.ts';
import { HeaderList } from '../edge/header-list.ts';
import { UNBOUNDED } from '../exchange/principal.ts';
import { createAccessLog } from './access-log.ts';
import { createLogger } from './logger.ts';
import { MASK_KINDS } from './mask.ts';
import { createMetrics } from './metrics.ts';
import { observeExchange } from './observe.ts';

const route: MatchedRoute = { name: 'chat', service: 'llm', dialect: 'openai', decorate: () => undefined };

function attempt(target: string, durationMs: number, fields: Partial<AttemptRecord> = {}): AttemptRecord {
  return { target, durationMs, status: 200, failure: undefined, ...fields };
}

/** Observes one exchange that closed 20 ms after it began. */
async function observe(exchange: Exchange, level: 'info' | 'warn' = 'info') {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ level, pretty: false, mask: MASK_KINDS, destination });
  const metrics = createMetrics();
  observeExchange(exchange, metrics, createAccessLog(log, MASK_KINDS), 20);
  const { body } = await metrics.render();
  const line = lines[0] === undefined ? undefined : (JSON.parse(lines[0]) as Record<string, unknown>);
  return { lines, line, metrics: body.split('\n').filter((sample) => sample.startsWith('gateway_')) };
}

function served(edge: Parameters<typeof buildExchange>[0] = {}): Exchange {
  const exchange = buildExchange({ method: 'POST', path: '/v1/chat', ...edge });
  exchange.route = route;
  exchange.attempts.push(attempt('10.0.0.7:80', 12));
  exchange.answeredAt = 14.5;
  return exchange;
}

describe('the line of an exchange', () => {
  test('tells who asked for what, where it went, how it ended and what it cost', async () => {
    const exchange = served({
      query: '?key=planted',
      headers: HeaderList.from(['User-Agent', 'curl/8']),
      peer: '10.1.1.1',
    });
    exchange.principal = {
      consumer: { id: 'cons_1', name: 'One', tier: undefined },
      credential: { kind: 'api_key', id: 'key_1', prefix: 'sk_live_4Kd8s0aP', hashPrefix: 'deadbeef' },
      ...UNBOUNDED,
      lob: undefined,
      claims: {},
      expiresAt: undefined,
      limits: [],
    };
    exchange.bytesIn = 5;
    exchange.bytesOut = 7;
    expect((await observe(exchange)).line).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      msg: 'request',
      request_id: 'req_test',
      method: 'POST',
      path: '/v1/chat',
      route: 'chat',
      service: 'llm',
      status: 200,
      outcome: 'completed',
      duration_ms: 20,
      upstream_ms: 12,
      overhead_ms: 2.5,
      target: '10.0.0.7:80',
      attempts: 1,
      retries: 0,
      client_ip: '10.1.1.1',
      consumer: 'cons_1',
      credential: 'sk_live_4Kd8s0aP',
      credential_hash: 'deadbeef',
      bytes_in: 5,
      bytes_out: 7,
      user_agent: 'curl/8',
    });
  });

  test('lists the attempts once one has failed', async () => {
    const exchange = served();
    exchange.attempts.unshift(attempt('10.0.0.6:80', 1, { status: undefined, failure: 'refused' }));
    expect((await observe(exchange)).line).toMatchObject({
      attempts: 2,
      retries: 1,
      target: '10.0.0.7:80',
      tries: [
        { target: '10.0.0.6:80', failure: 'refused', duration_ms: 1 },
        { target: '10.0.0.7:80', status: 200, duration_ms: 12 },
      ],
    });
  });

  test('masks and caps the path and the user agent, and lets neither end the line', async () => {
    const agent = `bob@example.com\x9b2J"\\${'x'.repeat(5000)}`;
    const exchange = served({ path: '/users/bob@example.com', headers: HeaderList.from(['user-agent', agent]) });
    const { line, lines } = await observe(exchange);
    expect(line).toMatchObject({
      path: '/users/[email]',
      user_agent: expect.stringMatching(/^\[email\]\\x9b2J"\\x+…$/),
    });
    expect(lines[0]?.length).toBeLessThan(1024);
  });

  test('gives the internal reason of a refusal and warns when the gateway is to blame', async () => {
    const exchange = buildExchange();
    exchange.outcome = 'rejected';
    exchange.res.statusCode = 503;
    exchange.rejection = new Rejection('STORE_UNAVAILABLE', 'Try later.', { internal: 'ECONNREFUSED 10.0.0.9:5432' });
    const { line } = await observe(exchange, 'warn');
    expect(line).toMatchObject({
      level: 'warn',
      status: 503,
      outcome: 'rejected',
      error_code: 'STORE_UNAVAILABLE',
      error_reason: 'ECONNREFUSED 10.0.0.9:5432',
      attempts: 0,
    });
    expect(line).not.toHaveProperty('service');
  });

  test('is not written below the level of the log, nor twice for an own endpoint that has its own line', async () => {
    expect((await observe(served(), 'warn')).lines).toEqual([]);
    const own = buildExchange();
    Object.assign(own.req, { log: {} });
    expect((await observe(own)).lines).toEqual([]);
  });
});

describe('the metrics of an exchange', () => {
  test('count it once with its latency, its overhead and the latency of each attempt', async () => {
    const { metrics } = await observe(served());
    expect(metrics).toContain('gateway_requests_total{service="llm",method="POST",status="200"} 1');
    expect(metrics).toContain('gateway_request_latency_seconds_sum{service="llm"} 0.02');
    expect(metrics).toContain('gateway_overhead_seconds_sum{service="llm"} 0.0025');
    expect(metrics).toContain('gateway_upstream_latency_seconds_sum{service="llm",target="10.0.0.7:80"} 0.012');
  });

  test('count a refusal by its code, and one without a route for the service none', async () => {
    const exchange = buildExchange();
    exchange.outcome = 'rejected';
    exchange.res.statusCode = 404;
    exchange.rejection = new Rejection('NOT_FOUND', '');
    const { metrics } = await observe(exchange);
    expect(metrics).toContain('gateway_errors_total{service="none",code="NOT_FOUND"} 1');
    expect(metrics).toContain('gateway_requests_total{service="none",method="GET",status="404"} 1');
  });

  test('say 499 and no overhead when the client left before an answer', async () => {
    const exchange = buildExchange();
    exchange.route = route;
    exchange.outcome = 'client_aborted';
    const { line, metrics } = await observe(exchange);
    expect(line).toMatchObject({ status: 499, outcome: 'client_aborted' });
    expect(metrics).toContain('gateway_requests_total{service="llm",method="GET",status="499"} 1');
    expect(metrics.filter((sample) => sample.startsWith('gateway_overhead'))).toEqual([]);
  });

  test('keep the status of a tunnel', async () => {
    const exchange = served();
    exchange.outcome = 'client_aborted';
    exchange.res.statusCode = 101;
    expect((await observe(exchange)).line).toMatchObject({ status: 101 });
  });
});
