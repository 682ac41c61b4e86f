import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMetrics, type Metrics } from './metrics.ts';
import { Histogram } from './series.ts';

async function linesOf(metrics: Metrics, name: string, accept?: string): Promise<string[]> {
  const { body } = await metrics.render(accept);
  return body.split('\n').filter((line) => line.startsWith(name));
}

describe('the metrics of a service', () => {
  test('count requests by service, method and status, in that order', async () => {
    const metrics = createMetrics();
    for (let i = 0; i < 5; i += 1) metrics.service('service1').request('GET', 200, 0.003);
    metrics.service('service1').request('POST', 429, 0.001);
    expect(await linesOf(metrics, 'gateway_requests_total')).toEqual([
      'gateway_requests_total{service="service1",method="GET",status="200"} 5',
      'gateway_requests_total{service="service1",method="POST",status="429"} 1',
    ]);
  });

  test('fold every invented method into OTHER', async () => {
    const metrics = createMetrics();
    for (const method of ['BREW', 'get', 'PROPFIND']) metrics.service('a').request(method, 200, 0);
    expect(await linesOf(metrics, 'gateway_requests_total')).toEqual([
      'gateway_requests_total{service="a",method="OTHER",status="200"} 3',
    ]);
  });

  test('put latency into cumulative buckets that begin at 5 ms', async () => {
    const metrics = createMetrics();
    for (const seconds of [0.005, 0.006, 700]) metrics.service('service1').request('GET', 200, seconds);
    const lines = await linesOf(metrics, 'gateway_request_latency_seconds');
    expect(lines.slice(0, 3)).toEqual([
      'gateway_request_latency_seconds_bucket{service="service1",le="0.005"} 1',
      'gateway_request_latency_seconds_bucket{service="service1",le="0.01"} 2',
      'gateway_request_latency_seconds_bucket{service="service1",le="0.025"} 2',
    ]);
    expect(lines.slice(-3)).toEqual([
      'gateway_request_latency_seconds_bucket{service="service1",le="+Inf"} 3',
      'gateway_request_latency_seconds_sum{service="service1"} 700.011',
      'gateway_request_latency_seconds_count{service="service1"} 3',
    ]);
  });

  test('tell errors, refusals by limit, retries, breakers, health and what is running', async () => {
    const metrics = createMetrics();
    const service = metrics.service('a');
    service.error('CIRCUIT_OPEN');
    service.rateLimited('per_minute');
    service.retry('reset');
    service.circuitState('10.0.0.7:80', 'closed');
    service.circuitState('10.0.0.7:80', 'open');
    service.targetHealthy('10.0.0.7:80', false);
    for (const delta of [1, 1, -1] as const) service.inFlight(delta);
    service.streams(1);
    expect(await linesOf(metrics, 'gateway_')).toEqual([
      'gateway_errors_total{service="a",code="CIRCUIT_OPEN"} 1',
      'gateway_rate_limited_total{service="a",limit="per_minute"} 1',
      'gateway_retries_total{service="a",reason="reset"} 1',
      'gateway_circuit_state{service="a",target="10.0.0.7:80"} 2',
      'gateway_target_healthy{service="a",target="10.0.0.7:80"} 0',
      'gateway_in_flight{service="a"} 1',
      'gateway_streams_active{service="a"} 1',
    ]);
  });

  test('keep upstream latency apart by target and overhead in buckets below a millisecond', async () => {
    const metrics = createMetrics();
    metrics.service('a').upstream('x:1', 0.02);
    metrics.service('a').overhead(0.0002);
    expect(await linesOf(metrics, 'gateway_upstream_latency_seconds_count')).toEqual([
      'gateway_upstream_latency_seconds_count{service="a",target="x:1"} 1',
    ]);
    expect(await linesOf(metrics, 'gateway_overhead_seconds_bucket{service="a",le="0.00025"}')).toEqual([
      'gateway_overhead_seconds_bucket{service="a",le="0.00025"} 1',
    ]);
  });

  test('go when a reload no longer names their service or target, except for those of no service', async () => {
    const metrics = createMetrics();
    for (const name of ['kept', 'removed', 'gateway', 'none']) metrics.service(name).inFlight(1);
    for (const target of ['stays:1', 'goes:1']) {
      metrics.service('kept').upstream(target, 1);
      metrics.service('kept').circuitState(target, 'closed');
      metrics.service('kept').targetHealthy(target, true);
    }
    metrics.retain(new Map([['kept', ['stays:1']]]));
    const { body } = await metrics.render();
    for (const gone of ['service="removed"', 'goes:1']) expect(body).not.toContain(gone);
    for (const left of ['kept', 'gateway', 'none']) expect(body).toContain(`gateway_in_flight{service="${left}"} 1`);
    expect(body).toContain('gateway_circuit_state{service="kept",target="stays:1"} 0');
  });

  test('keep one object per name, so that a compiled route may hold on to it', () => {
    const metrics = createMetrics();
    expect(metrics.service('a')).toBe(metrics.service('a'));
  });
});

describe('the metrics of a gateway', () => {
  test('tell stores, degradations, reloads and the live configuration only', async () => {
    const metrics = createMetrics();
    metrics.storeUp('redis', false);
    metrics.degraded('limits_local', true);
    metrics.configReload(false);
    metrics.configInfo('old');
    metrics.configInfo('new');
    expect(await linesOf(metrics, 'gateway_')).toEqual([
      'gateway_store_up{store="redis"} 0',
      'gateway_degraded{reason="limits_local"} 1',
      'gateway_config_reload_success 0',
      'gateway_config_info{hash="new"} 1',
    ]);
  });

  test('share nothing with another gateway of the same process', async () => {
    const [first, second] = [createMetrics(), createMetrics()];
    first.service('a').error('NOT_FOUND');
    expect(await linesOf(second, 'gateway_')).toEqual([]);
  });

  test('include those of the process', async () => {
    expect(await linesOf(createMetrics(), 'process_cpu_user_seconds_total')).toHaveLength(1);
  });
});

describe('the exposition', () => {
  test('is Prometheus text unless OpenMetrics is asked for, and neither changes the other', async () => {
    const metrics = createMetrics();
    metrics.service('a').error('NOT_FOUND');
    const openMetrics = await metrics.render('application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
    expect(openMetrics.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(openMetrics.body).toContain('# TYPE gateway_errors counter\ngateway_errors_total{service="a"');
    expect(openMetrics.body).toContain('# TYPE process_cpu_user_seconds counter\nprocess_cpu_user_seconds_total ');
    expect(openMetrics.body).not.toContain('\n\n');
    expect(openMetrics.body.endsWith('\n# EOF\n')).toBe(true);
    const text = await metrics.render('text/plain');
    expect(text.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.body).toContain('# TYPE gateway_errors_total counter\ngateway_errors_total{service="a"');
    expect(text.body).toContain('# TYPE process_cpu_user_seconds_total counter\n');
    expect(text.body).not.toContain('# EOF');
  });

  test('escapes what the format reserves in a label value', async () => {
    const metrics = createMetrics();
    metrics.service('a"b\\c\nd').inFlight(1);
    expect(await linesOf(metrics, 'gateway_in_flight')).toEqual([
      String.raw`gateway_in_flight{service="a\"b\\c\nd"} 1`,
    ]);
  });
});

describe('a histogram', () => {
  test('counts every observation in each bucket at or above it', () => {
    const bounds = [0.1, 0.5, 2];
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 5, noNaN: true })), (values) => {
        const histogram = new Histogram(bounds);
        for (const value of values) histogram.observe(value);
        const counts = histogram.lines('h', 'a="1"').map((line) => Number(line.split(' ')[1]));
        const expected = bounds.map((bound) => values.filter((value) => value <= bound).length);
        expect(counts.slice(0, 3)).toEqual(expected);
        expect([counts[3], counts[5]]).toEqual([values.length, values.length]);
      }),
    );
  });
});
