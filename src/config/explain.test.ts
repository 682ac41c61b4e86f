import { expect, test } from '@jest/globals';
import { loadText } from '../../tests/support/load-text.ts';
import { type ExplainedValue, explainRoute } from './explain.ts';

const yaml = `tiers: { pro: { rate_limit: 1000 } }
defaults:
  timeout: { idle: 9s }
services:
  a:
    url: "\${A_URL:-http://x}"
    rate_limit: 100
    timeout: { first_byte: "\${FB}" }
    headers: { request: { set: { Authorization: "Bearer \${T}", X-Plain: y } } }
routes:
  - { name: r, match: { path: /r }, service: a, timeout: { total: 5 }, body_limit: 1KiB }
`;

async function explained(options: Parameters<typeof loadText>[1]): Promise<Record<string, ExplainedValue>> {
  const loaded = await loadText(yaml, options);
  const route = loaded.config.routes.find(({ name }) => name === 'r');
  if (!route) throw new Error('no route');
  const values = explainRoute(loaded, route).map((value) => ({ ...value, origin: value.origin.replace(/^\S*\//, '') }));
  return Object.fromEntries(values.map((value) => [value.key, value]));
}

test('each value is shown as one would write it, with the line, variable or default it comes from', async () => {
  const values = await explained({ env: { FB: '2', T: 't0ken', ALLOWED_ORIGINS: 'https://o' } });
  const shown = (key: string): string => `${values[key]?.value} ${values[key]?.origin}`;
  expect(shown('timeout.total')).toBe('5s gateway.yaml:11:67');
  expect(shown('timeout.idle')).toBe('9s gateway.yaml:3:20');
  expect(shown('timeout.first_byte')).toBe('2s gateway.yaml:8:28, FB (environment)');
  expect(shown('timeout.connect')).toBe('2s default');
  expect(shown('body_limit')).toBe('1KiB gateway.yaml:11:84');
  expect(shown('rate_limit (tier pro).limits[0].limit')).toBe('1000 gateway.yaml:1:29');
  expect(shown('rate_limit (service).limits[0].window')).toBe('1m gateway.yaml:7:17');
  expect(shown('targets[0].url')).toBe('http://x gateway.yaml:6:10');
  expect(shown('cors.origins')).toBe('["https://o"] ALLOWED_ORIGINS (environment)');
  expect(shown('retry.attempts')).toBe('3 default');
});

test('a flag is named as the origin of what it filled', async () => {
  const loaded = await loadText('services: { e: { url: "${INFERENCE_SERVICE_URL:-http://x}" } }', {
    flags: { '--inference-url': 'http://y' },
  });
  expect(loaded.origins.of(['services', 'e', 'url'])).toMatch(/, INFERENCE_SERVICE_URL \(--inference-url\)$/);
});

test('values of headers that authenticate are masked', async () => {
  const values = await explained({ env: { FB: '2', T: 't0ken' } });
  expect(values['headers.request.set']?.value).toBe('{"Authorization":"[redacted]","X-Plain":"y"}');
});
