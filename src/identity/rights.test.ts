import { expect, test } from '@jest/globals';
import { checkRights } from '../../tests/support/rights-property.ts';
import { computeRights } from './rights.ts';

test('no source, claim or grant widens what another leaves, over 12,000 generated combinations', () => {
  expect(() => checkRights(4000)).not.toThrow();
});

test('an absent list does not narrow, an empty one leaves nothing, and addresses must lie in every list', () => {
  expect(computeRights([{ from: 'consumer' }, { from: 'key' }])).toMatchObject({
    permissions: ['*'],
    models: undefined,
  });
  expect(
    computeRights([
      { from: 'consumer', models: ['a'] },
      { from: 'key', permissions: [], models: [] },
    ]),
  ).toMatchObject({
    permissions: [],
    models: [],
  });
  const { addresses } = computeRights([
    { from: 'consumer', addresses: ['10.0.0.0/8'] },
    { from: 'key', addresses: ['10.1.0.0/16', '192.0.2.1'] },
  ]);
  expect(['10.1.0.1', '10.2.0.1', '192.0.2.1'].map((address) => addresses?.(address))).toEqual([true, false, false]);
});
