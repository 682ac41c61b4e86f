import { expect, test } from '@jest/globals';
import { BoundedWork } from './bounded-work.ts';

/** Works that end when they are told to. */
function makeWorks() {
  const endings: (() => void)[] = [];
  const begun: string[] = [];
  const work = (name: string) => async () => {
    begun.push(name);
    await new Promise<void>((end) => endings.push(end));
    return name;
  };
  return { begun, work, endNext: () => endings.shift()?.() };
}

test('runs as many at a time as it may, the others in the order they came', async () => {
  const { begun, work, endNext } = makeWorks();
  const bounded = new BoundedWork({ running: 2, waiting: 9, waitMs: 10_000 });
  const results = ['a', 'b', 'c', 'd'].map((name) => bounded.run(work(name)));
  await Promise.resolve();
  expect(begun).toEqual(['a', 'b']);
  endNext();
  await results[0];
  endNext();
  await results[1];
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  endNext();
  endNext();
  await expect(Promise.all(results)).resolves.toEqual(['a', 'b', 'c', 'd']);
});

test('does not begin what finds the queue full, nor what has waited too long', async () => {
  const { begun, work, endNext } = makeWorks();
  const bounded = new BoundedWork({ running: 1, waiting: 1, waitMs: 1 });
  const running = bounded.run(work('runs'));
  const waiting = bounded.run(work('waits'));
  await expect(bounded.run(work('surplus'))).resolves.toBeUndefined();
  await expect(waiting).resolves.toBeUndefined();
  endNext();
  await running;
  expect(begun).toEqual(['runs']);
});

test('gives the place of a work that failed to the next', async () => {
  const bounded = new BoundedWork({ running: 1, waiting: 1, waitMs: 10_000 });
  const failing = bounded.run(() => Promise.reject(new Error('broken')));
  const next = bounded.run(async () => 'next');
  await expect(failing).rejects.toThrow('broken');
  await expect(next).resolves.toBe('next');
  await expect(bounded.run(async () => 'later')).resolves.toBe('later');
});
