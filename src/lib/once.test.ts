import { expect, test } from '@jest/globals';
import { once } from './once.ts';

test('makes the value when it is first asked for, and only then', () => {
  let made = 0;
  const get = once(() => {
    made += 1;
    return undefined;
  });
  expect(made).toBe(0);
  get();
  get();
  expect(made).toBe(1);
});
