import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventSplitter } from './event-splitter.ts';

/** What each chunk adds to the events, as the splitter's callers put them together. */
function split(chunks: readonly string[]): { events: string[]; rest: string } {
  const splitter = new EventSplitter();
  const events: string[] = [];
  let rest = '';
  for (const text of chunks) {
    const chunk = Buffer.from(text, 'latin1');
    let start = 0;
    for (let end = splitter.next(chunk, 0); end !== -1; end = splitter.next(chunk, end)) {
      const piece = chunk.toString('latin1', start, end);
      if (splitter.isRest) events[events.length - 1] += piece;
      else events.push(rest + piece);
      if (!splitter.isRest) rest = '';
      start = end;
    }
    rest += chunk.toString('latin1', start);
  }
  return { events, rest };
}

describe('EventSplitter', () => {
  test.each(['\n', '\r\n', '\r'])('events end after an empty line, with lines that end in %j', (end) => {
    const events = [`event: a${end}data: 1${end}${end}`, `: comment${end}${end}`, `data: [DONE]${end}${end}`];
    expect(split([`${events.join('')}data: x`])).toEqual({ events, rest: 'data: x' });
  });

  test('however a stream is cut, its events are the same and no byte is lost', () => {
    const text = fc.string({ unit: fc.constantFrom('\n', '\r', 'd', ':', 'é'), maxLength: 30 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(30), { maxLength: 6 }), (stream, cuts) => {
        const found = split(cutAt(stream, cuts));
        expect(found).toEqual(split([stream]));
        expect(found.events.join('') + found.rest).toBe(stream);
      }),
    );
  });

  test('one byte at a time is as good as all at once', () => {
    const stream = 'data: a\r\n\r\ndata: b\n\n\rdata: c\r\rdata: d\n\r\nrest';
    expect(split(stream.split(''))).toEqual(split([stream]));
  });
});

function cutAt(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
  return places.slice(1).map((to, i) => text.slice(places[i], to));
}
