import { expect, test } from '@jest/globals';
import { createMetrics } from './metrics.ts';

async function linesOf(metrics: ReturnType<typeof createMetrics>, name: RegExp): Promise<string[]> {
  const { body } = await metrics.render('', ['ai_gateway', 'api']);
  return body.split('\n').filter((line) => name.test(line));
}

test('tokens and cost add up per model, under our names and those of others', async () => {
  const metrics = createMetrics();
  metrics.model('gpt-4').used({ inputTokens: 10, outputTokens: 5, isEstimated: false }, 1_500_000_000);
  metrics.model('gpt-4').used({ inputTokens: 1, outputTokens: 1, isEstimated: true }, 1);
  metrics.model('gpt-4').request(true, 0.02);
  metrics.model('other').request(false, 2);
  expect(await linesOf(metrics, /^(gateway_tokens|gateway_cost|ai_gateway_(requests|tokens))/)).toEqual([
    'gateway_tokens_total{model="gpt-4",direction="input"} 11',
    'gateway_tokens_total{model="gpt-4",direction="output"} 6',
    'gateway_tokens_total{model="other",direction="input"} 0',
    'gateway_tokens_total{model="other",direction="output"} 0',
    'gateway_cost_usd_total{model="gpt-4"} 1.500000001',
    'gateway_cost_usd_total{model="other"} 0',
    'ai_gateway_requests_total{model="gpt-4",status="success"} 1',
    'ai_gateway_requests_total{model="other",status="error"} 1',
    'ai_gateway_tokens_used{model="gpt-4"} 17',
    'ai_gateway_tokens_used{model="other"} 0',
  ]);
});

test('consumers over a limit are named up to a thousand, the rest are one', async () => {
  const metrics = createMetrics();
  for (let i = 0; i < 1_010; i++) metrics.limitHit(`user_${i}`);
  metrics.limitHit('user_0');
  const lines = await linesOf(metrics, /^ai_gateway_rate_limit_hits/);
  expect(lines).toHaveLength(1_001);
  expect(lines[0]).toBe('ai_gateway_rate_limit_hits{user_id="user_0"} 2');
  expect(lines.at(-1)).toBe('ai_gateway_rate_limit_hits{user_id="other"} 10');
});

test('requests of all services are one series without labels', async () => {
  const metrics = createMetrics();
  metrics.service('a').request('GET', 200, 0.004);
  metrics.service('b').request('POST', 500, 0.007);
  const lines = await linesOf(metrics, /^(api_requests_total|request_duration_seconds_(sum|count|bucket\{le="0.0))/);
  expect(lines.slice(0, 3)).toEqual([
    'api_requests_total 2',
    'request_duration_seconds_bucket{le="0.005"} 1',
    'request_duration_seconds_bucket{le="0.01"} 2',
  ]);
  expect(lines.slice(-2)).toEqual(['request_duration_seconds_sum 0.011', 'request_duration_seconds_count 2']);
});

test('nothing of it is printed where it was not asked for', async () => {
  const { body } = await createMetrics().render();
  expect(body).not.toMatch(/^(# TYPE )?(ai_gateway|api_requests|request_duration)/m);
});
