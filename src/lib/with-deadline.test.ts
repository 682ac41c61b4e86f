import { expect, test } from '@jest/globals';
import { withDeadline } from './with-deadline.ts';

test('passes the value and the error of a promise in time on', async () => {
  await expect(withDeadline(Promise.resolve(7), 1000)).resolves.toBe(7);
  await expect(withDeadline(Promise.reject(new Error('own')), 1000)).rejects.toThrow('own');
});

test('rejects after the deadline when the promise never settles', async () => {
  await expect(withDeadline(new Promise(() => undefined), 5)).rejects.toThrow('within 5 ms');
});
