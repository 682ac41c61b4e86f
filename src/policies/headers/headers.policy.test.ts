import { expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import type { Dependencies } from '../../dependencies.ts';
import { headersPolicy } from './headers.policy.ts';
import type { HeadersConfig } from './schema.ts';

function steps(underscores: HeadersConfig['underscores']) {
  const edits = { set: {}, add: {}, remove: [] };
  const config = {
    request: edits,
    response: edits,
    preserve_host: false,
    allow_client_key: false,
    forward_credentials: false,
    underscores,
  };
  return headersPolicy.create(config, {} as Dependencies, { route: 'r', service: 's', kind: 'http' });
}

test('underscores: refuse answers 400 INVALID_HEADER to such a request and to no other', () => {
  const [step] = steps('refuse');
  expect(step?.decide(buildExchange({ hasUnderscoreName: true }))).toMatchObject({
    code: 'INVALID_HEADER',
    status: 400,
  });
  expect(step?.decide(buildExchange())).toBeUndefined();
});

test.each(['pass', 'drop'] as const)('underscores: %s costs no step', (underscores) => {
  expect(steps(underscores)).toEqual([]);
});
