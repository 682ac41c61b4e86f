import { expect, test } from '@jest/globals';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import type { Dependencies } from '../policy-dependencies.ts';
import { pathsPolicy } from './paths.policy.ts';
import type { PathsConfig } from './schema.ts';

const at = { route: 'r', service: 's', kind: 'http' } as const;

function steps(config: PathsConfig) {
  return pathsPolicy.create(config, {} as Dependencies, at);
}

test('each doubtful spelling is refused with INVALID_PATH unless it may pass', () => {
  const slash = buildExchange({ path: '/a%2Fb', hasEncodedSlash: true });
  const empty = buildExchange({ path: '/a//b', hasEmptySegment: true });
  const refusal = { code: 'INVALID_PATH', status: 400 };
  const refuseBoth = steps({ encoded_slash: 'refuse', empty_segments: 'refuse' })[0];
  expect(refuseBoth?.decide(slash)).toMatchObject(refusal);
  expect(refuseBoth?.decide(empty)).toMatchObject(refusal);
  expect(refuseBoth?.decide(buildExchange({ path: '/a/b' }))).toBeUndefined();
  const passSlash = steps({ encoded_slash: 'pass', empty_segments: 'refuse' })[0];
  expect(passSlash?.decide(slash)).toBeUndefined();
  expect(passSlash?.decide(empty)).toMatchObject(refusal);
  const passEmpty = steps({ encoded_slash: 'refuse', empty_segments: 'pass' })[0];
  expect(passEmpty?.decide(slash)).toMatchObject(refusal);
  expect(passEmpty?.decide(empty)).toBeUndefined();
});

test('a route that passes both has no step', () => {
  expect(steps({ encoded_slash: 'pass', empty_segments: 'pass' })).toEqual([]);
});
