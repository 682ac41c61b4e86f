import { describe, expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import type { Dependencies } from '../policy-dependencies.ts';
import { HeaderList } from '../../edge/header-list.ts';
import type { Reply } from '../policy.ts';
import { corsPolicy } from './cors.policy.ts';
import type { CorsConfig } from './schema.ts';

const APP = 'https://app.example';
const BASE: CorsConfig = {
  origins: [APP],
  methods: ['GET', 'POST'],
  headers: [],
  expose_headers: [],
  credentials: false,
  max_age: 600_000,
};

function decide(config: Partial<CorsConfig>, method: string, lines: readonly string[]) {
  const [step] = corsPolicy.create({ ...BASE, ...config }, {} as Dependencies, {
    route: 'r',
    service: 's',
    kind: 'http',
  });
  const exchange = buildExchange({ method, headers: HeaderList.from(lines) });
  return { exchange, verdict: step?.decide(exchange) as Reply | undefined };
}

function preflight(config: Partial<CorsConfig>, origin: string, ...more: string[]): HeaderList {
  const { verdict } = decide(config, 'OPTIONS', ['Origin', origin, 'Access-Control-Request-Method', 'POST', ...more]);
  expect(verdict).toMatchObject({ status: 204, body: undefined });
  return HeaderList.from(verdict?.headers ?? []);
}

function marked(config: Partial<CorsConfig>, origin: string | undefined, before: string[] = []): HeaderList {
  const { exchange, verdict } = decide(config, 'GET', origin === undefined ? [] : ['Origin', origin]);
  expect(verdict).toBeUndefined();
  exchange.runHeadHooks(before, 403);
  return HeaderList.from(before);
}

describe('a preflight', () => {
  test('is answered here with 204 and what the configuration allows', () => {
    const headers = preflight(
      { headers: ['X-API-Key', 'Content-Type'] },
      APP,
      'Access-Control-Request-Headers',
      'x-other',
    );
    expect(headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
    expect(headers.get('access-control-allow-headers')).toBe('X-API-Key, Content-Type');
    expect(headers.get('access-control-max-age')).toBe('600');
    expect(headers.get('vary')).toContain('Origin');
  });

  test('may ask for any header when none are listed', () => {
    const headers = preflight({}, APP, 'Access-Control-Request-Headers', 'x-api-key, content-type');
    expect(headers.get('access-control-allow-headers')).toBe('x-api-key, content-type');
  });

  test('from another origin gets the same status and nothing to build on', () => {
    for (const origin of ['https://evil.example', 'https://app.example.evil', 'http://app.example', 'null', '']) {
      expect(preflight({}, origin).names).toEqual(['vary']);
    }
  });

  test('an OPTIONS request that is none goes on to the upstream', () => {
    expect(decide({}, 'OPTIONS', ['Origin', APP]).verdict).toBeUndefined();
    expect(decide({}, 'OPTIONS', ['Access-Control-Request-Method', 'POST']).verdict).toBeUndefined();
  });
});

describe('any other answer, errors included', () => {
  test('names the allowed origin and varies by it', () => {
    expect(marked({}, APP).raw).toEqual(['Vary', 'Origin', 'Access-Control-Allow-Origin', APP]);
    expect(marked({}, 'https://evil.example').raw).toEqual(['Vary', 'Origin']);
    expect(marked({}, undefined).raw).toEqual(['Vary', 'Origin']);
  });

  test('exposes the configured headers to allowed origins, beside those of the upstream', () => {
    const config = { expose_headers: ['Retry-After', 'X-Request-Id'] };
    const headers = marked(config, APP, ['Access-Control-Expose-Headers', 'X-Own']);
    expect(headers.all('access-control-expose-headers')).toEqual(['X-Own', 'Retry-After, X-Request-Id']);
    expect(marked(config, 'https://evil.example').has('access-control-expose-headers')).toBe(false);
  });

  test('replaces what the upstream said about origins', () => {
    const upstream = ['access-control-allow-origin', '*', 'X-A', '1', 'Access-Control-Allow-Credentials', 'true'];
    const headers = marked({}, 'https://evil.example', upstream);
    expect(headers.names).toEqual(['x-a', 'vary']);
  });

  test('any origin is answered with * and never together with credentials', () => {
    const config = { origins: ['*'], credentials: true };
    expect(marked(config, 'https://evil.example').raw).toEqual(['Access-Control-Allow-Origin', '*']);
    expect(preflight(config, 'https://evil.example').has('access-control-allow-credentials')).toBe(false);
  });

  test('credentials are allowed to listed origins only', () => {
    expect(marked({ credentials: true }, APP).get('access-control-allow-credentials')).toBe('true');
    expect(marked({ credentials: true }, 'https://evil.example').has('access-control-allow-credentials')).toBe(false);
  });
});
