import { expect, test } from '@jest/globals';
import { until } from './poll.ts';

test('resolves with the first truthy value', async () => {
  let calls = 0;
  expect(await until(() => (++calls === 3 ? 'three' : undefined), { everyMs: 1 })).toBe('three');
});

test('takes an error for not yet, and gives the last one as the cause at the deadline', async () => {
  const failing = until(() => Promise.reject(new Error('down')), { timeoutMs: 20, everyMs: 1, what: 'it is up' });
  await expect(failing).rejects.toMatchObject({
    message: 'Not true within 20 ms: it is up',
    cause: { message: 'down' },
  });
});
