import { expect, test } from '@jest/globals';
import { nominatedNames } from './hop-by-hop.ts';

test('only field names are nominated, not connection options', () => {
  for (const value of [undefined, '', 'close', 'keep-alive', 'Keep-Alive, Upgrade', ' , ,']) {
    expect(nominatedNames(value)).toBeUndefined();
  }
  expect(nominatedNames('close, X-A ,,\tCookie')).toEqual(['x-a', 'cookie']);
});
