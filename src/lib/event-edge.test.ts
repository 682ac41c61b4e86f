import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventEdge } from './event-edge.ts';

function isAtEnd(...chunks: string[]): boolean {
  const edge = new EventEdge();
  let answer = true;
  for (const chunk of chunks) answer = edge.isAtEnd(Buffer.from(chunk));
  return answer;
}

describe('EventEdge', () => {
  test.each(['data: a\n\n', 'data: a\r\n\r\n', 'data: a\r\r', 'data: a\n\r\n', ': comment\n\n', '\n'])(
    '%j ends with an event',
    (text) => expect(isAtEnd(text)).toBe(true),
  );

  test.each(['data: a', 'data: a\n', 'data: a\r\n', 'data: a\r', 'data: a\n\ndata: b\n', '\n\nx'])(
    '%j does not',
    (text) => expect(isAtEnd(text)).toBe(false),
  );

  test('the answer does not depend on how the stream is cut', () => {
    const stream = fc.string({ unit: fc.constantFrom('\n', '\r', 'a'), minLength: 1, maxLength: 12 });
    fc.assert(fc.property(stream, (text) => expect(isAtEnd(...text.split(''))).toBe(isAtEnd(text))));
  });
});
