import { expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { HeaderList } from '../../edge/header-list.ts';
import type { Dependencies } from '../policy-dependencies.ts';
import { headersPolicy } from './headers.policy.ts';
import type { HeadersConfig } from './schema.ts';

function steps(underscores: HeadersConfig['underscores'], takesKey = false) {
  const edits = { set: {}, add: {}, remove: [] };
  const config = {
    request: edits,
    response: edits,
    preserve_host: false,
    allow_client_key: takesKey,
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

test("a caller's own key that no provider can have issued is 400, where such keys are taken", () => {
  const ask = (key: string) => steps('pass', true)[0]?.decide(withKey(key));
  for (const key of ['short', 'with a space in it', 'k'.repeat(513), 'schlüssel-1234'])
    expect(ask(key)).toMatchObject({ code: 'INVALID_HEADER' });
  for (const key of ['', 'sk-proj-0123456789']) expect(ask(key)).toBeUndefined();
});

function withKey(key: string) {
  return buildExchange({ headers: HeaderList.from(['openai-api-key', key]) });
}
