import { expect, test } from '@jest/globals';
import { checkRights } from '../support/rights-property.ts';

test('no source, claim or grant widens what another leaves, over 300,000 generated combinations', () => {
  expect(() => checkRights(100_000)).not.toThrow();
});
