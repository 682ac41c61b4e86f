import { expect, test } from '@jest/globals';
import { Guard } from './guard.ts';

test('a listener that throws ends what it ran for, is reported with its place, and throws no further', () => {
  const reported: unknown[] = [];
  const guard = new Guard((error, place) => reported.push([place, (error as Error).message]));
  let isDestroyed = false;
  const socket = { destroy: () => (isDestroyed = true) };
  const listener = guard.listener(
    'request',
    (victim: typeof socket, _word: string) => victim,
    (_victim, word) => {
      throw new Error(word);
    },
  );
  expect(() => listener(socket, 'a bug')).not.toThrow();
  expect(reported).toEqual([['request', 'a bug']]);
  expect(isDestroyed).toBe(true);
});
