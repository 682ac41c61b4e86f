import { PieceList } from '../../lib/piece-list.ts';
import { EventSplitter } from '../stream/event-splitter.ts';

/** Bytes one event may have before it is complete: far more than any real one, and a bound all the same. */
const LONGEST_EVENT = 8 * 1024 * 1024;

const LINE_END = /\r\n|[\r\n]/;

/**
 * Reads the data of the events of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html section
 * 9.2.6), wherever the chunks break. Fields other than `data` are not needed: the model APIs repeat the kind of an event
 * in its data.
 */
export class EventReader {
  private readonly onData: (data: string) => void;
  private readonly splitter = new EventSplitter();
  /** Of the event that has not ended. */
  private readonly pieces = new PieceList();

  constructor(onData: (data: string) => void) {
    this.onData = onData;
  }

  /** Calls back for every event that is complete now; false once an event is too long to be waited for. */
  read(chunk: Buffer): boolean {
    const { splitter } = this;
    let start = 0;
    for (let end = splitter.next(chunk, 0); end !== -1; end = splitter.next(chunk, end)) {
      if (!splitter.isRest) this.dispatch(this.take(chunk.subarray(start, end)));
      start = end;
    }
    if (start < chunk.length) this.pieces.add(chunk.subarray(start));
    return this.pieces.bytes <= LONGEST_EVENT;
  }

  private take(last: Buffer): string {
    if (this.pieces.bytes === 0) return last.toString();
    this.pieces.add(last);
    return this.pieces.take().toString();
  }

  private dispatch(event: string): void {
    const data = event
      .split(LINE_END)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(line[5] === ' ' ? 6 : 5));
    if (data.length > 0) this.onData(data.join('\n'));
  }
}
