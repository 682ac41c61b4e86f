import { expect, test } from '@jest/globals';
import { mergeExpositions } from './merge-expositions.ts';
import { createMetrics } from './metrics.ts';

async function expose(feed: (service: ReturnType<ReturnType<typeof createMetrics>['service']>) => void, accept = '') {
  const metrics = createMetrics();
  feed(metrics.service('a'));
  return (await metrics.render(accept)).body;
}

const sampleOf = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length + 1),
  );

test('what is counted adds up, what is measured against others is compared', async () => {
  const one = await expose((service) => {
    service.request('GET', 200, 0.3);
    service.inFlight(1);
    service.circuitState('t', 'open');
    service.targetHealthy('t', false);
  });
  const two = await expose((service) => {
    service.request('GET', 200, 0.003);
    service.inFlight(1);
    service.circuitState('t', 'closed');
    service.targetHealthy('t', true);
    service.error('NOT_FOUND');
  });
  const merged = mergeExpositions([one, two]);
  expect(sampleOf(merged, 'gateway_requests_total{service="a",method="GET",status="200"}')).toBe(2);
  expect(sampleOf(merged, 'gateway_request_latency_seconds_bucket{service="a",le="0.005"}')).toBe(1);
  expect(sampleOf(merged, 'gateway_request_latency_seconds_count{service="a"}')).toBe(2);
  expect(sampleOf(merged, 'gateway_errors_total{service="a",code="NOT_FOUND"}')).toBe(1);
  expect(sampleOf(merged, 'gateway_in_flight{service="a"}')).toBe(2);
  expect(sampleOf(merged, 'gateway_circuit_state{service="a",target="t"}')).toBe(2);
  expect(sampleOf(merged, 'gateway_target_healthy{service="a",target="t"}')).toBe(0);
});

test('of a process that has ended its counts stay and its states go', async () => {
  const departed = await expose((service) => {
    service.request('GET', 200, 0.3);
    service.inFlight(1);
  });
  const merged = mergeExpositions([await expose((service) => service.request('GET', 200, 0.1))], [departed]);
  expect(sampleOf(merged, 'gateway_requests_total{service="a",method="GET",status="200"}')).toBe(2);
  expect(merged).not.toContain('gateway_in_flight{');
});

test.each(['', 'application/openmetrics-text'])(
  'each family has one head, and the format (%s) stays',
  async (accept) => {
    const texts = [
      await expose((service) => service.overhead(1), accept),
      await expose((service) => service.retry('reset'), accept),
    ];
    const merged = mergeExpositions(texts);
    const heads = merged.split('\n').filter((line) => line.startsWith('# TYPE'));
    expect(new Set(heads).size).toBe(heads.length);
    expect(heads).toEqual(
      expect.arrayContaining((texts[0] as string).split('\n').filter((line) => line.startsWith('# TYPE'))),
    );
    expect(merged.endsWith('# EOF\n')).toBe(accept !== '');
    expect(merged.indexOf('# EOF')).toBe(accept === '' ? -1 : merged.length - 6);
  },
);
