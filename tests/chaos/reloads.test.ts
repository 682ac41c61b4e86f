import { expect, test } from '@jest/globals';
import { reloadUnderLongExchanges } from '../support/reload-chaos.ts';

test('eight reloads while uploads, queued requests, streams, retry pauses and tunnels run fail none of them', async () => {
  const { failed, finished, lateProbes, inFlight } = await reloadUnderLongExchanges(8);
  expect(failed).toEqual([]);
  expect(finished).toBe(40);
  expect(lateProbes).toBe(0);
  expect(inFlight.map((line) => line.split(' ').pop())).toEqual(['0', '0', '0']);
});

test('the first reload already stops the health checks of what it removed', async () => {
  const { failed, lateProbes } = await reloadUnderLongExchanges(1);
  expect({ failed, lateProbes }).toEqual({ failed: [], lateProbes: 0 });
});
