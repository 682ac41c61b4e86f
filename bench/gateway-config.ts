import { createHash } from 'node:crypto';

/** Keys of the measured configurations; fixed, so that runs can be repeated by hand. */
export const KEYS = {
  valid: 'bench-key-valid-0123456789',
  exhausted: 'bench-key-exhausted-0123456789',
  unknown: 'bench-key-unknown-0123456789',
} as const;

/**
 * Every policy armed: key, two windows per consumer and one shared by all, retry, breaker, metrics, access log. Nothing
 * is ever refused for the valid key. With `routes` above 0 the service is reached by that many routes. `mode` is where the
 * limits are counted when Redis is there.
 */
export function fullPolicies(upstream: string, routes: number, mode: 'auto' | 'strict' = 'auto'): string {
  const config = {
    settings: {
      rate_limit: { limits: [{ limit: 1_000_000_000, window: '1m', per: 'global', mode }] },
      failed_auth: { limit: 1_000_000, window: '1s' },
      log: { pretty: false },
    },
    consumers: [
      { id: 'measured', keys: [{ hash: hashOf(KEYS.valid) }] },
      {
        id: 'spent',
        keys: [{ hash: hashOf(KEYS.exhausted) }],
        rate_limit: { limits: [{ limit: 1, window: '1d' }] },
      },
    ],
    services: {
      echo: {
        url: upstream,
        rate_limit: {
          limits: [
            { limit: 100_000_000, window: '1m', mode },
            { limit: 1_000_000_000, window: '1h', mode },
          ],
        },
        retry: { attempts: 3 },
        circuit_breaker: { error_percent: 50, min_requests: 20, window: '10s', open_for: '10s' },
      },
    },
    routes: Array.from({ length: routes }, (_, index) => ({
      name: `r${index}`,
      match: { path: `/r${index}/*` },
      service: 'echo',
    })),
  };
  // JSON is YAML.
  return JSON.stringify(config);
}

/** The same for a service of models whose streams are counted, with the event that tells usage hidden. */
export function streamingPolicies(upstream: string): string {
  const [limit, window] = [1_000_000_000, '1m'];
  return JSON.stringify({
    settings: { log: { pretty: false } },
    consumers: [{ id: 'measured', keys: [{ hash: hashOf(KEYS.valid) }] }],
    services: {
      chat: { kind: 'llm', url: `${upstream}/v1`, rate_limit: { limits: [{ limit, window }] }, retry: { attempts: 3 } },
    },
  });
}

function hashOf(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
