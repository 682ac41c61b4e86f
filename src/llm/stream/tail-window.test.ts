import { expect, test } from '@jest/globals';
import { TailWindow } from './tail-window.ts';

test('keeps beginning and end of what comes in single bytes, and little more', () => {
  const text = Array.from({ length: 30_000 }, (_, i) => `${i},`).join('');
  const window = new TailWindow();
  for (const byte of Buffer.from(text)) window.add(Buffer.of(byte));
  expect(window.isCut).toBe(true);
  const kept = window.take();
  expect(kept.length).toBeLessThan(80_000);
  const [head = '', tail = ''] = kept.split('\n');
  expect(text.startsWith(head) && head.length > 0).toBe(true);
  expect(text.endsWith(tail)).toBe(true);
  expect(tail.length).toBeGreaterThanOrEqual(64 * 1024);
  expect(window.isEmpty).toBe(true);
});
