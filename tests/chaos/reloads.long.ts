import { expect, test } from '@jest/globals';
import { reloadUnderLongExchanges } from '../support/reload-chaos.ts';

test('a hundred reloads while uploads, queued requests, streams, retry pauses and tunnels run fail none of them', async () => {
  const { failed, finished, lateProbes, inFlight } = await reloadUnderLongExchanges(100);
  expect(failed).toEqual([]);
  expect(finished).toBe(500);
  expect(lateProbes).toBe(0);
  expect(new Set(inFlight.map((line) => line.split(' ').pop()))).toEqual(new Set(['0']));
});
