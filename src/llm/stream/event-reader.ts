import { PieceList } from '../../lib/piece-list.ts';
import { EventSplitter } from './event-splitter.ts';

/** Bytes one event may have before it is complete: pictures come in one, and the end of a Responses stream repeats them. */
const LONGEST_EVENT = 32 * 1024 * 1024;

/** `data:` and two line ends. */
const LEAST_EVENT = 7;
const BYTE_ORDER_MARK = '\ufeff';
const LINE_END = /\r\n|[\r\n]/;

/**
 * Reads the data of the events of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html section
 * 9.2.6), wherever the chunks break. Fields other than `data` are not needed: the model APIs repeat the kind of an event
 * in its data.
 */
export class EventReader {
  private readonly onData: (data: string) => void;
  private readonly splitter = new EventSplitter();
  private isFirst = true;
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
      if (!splitter.isRest) this.finish(chunk, start, end);
      start = end;
    }
    if (start < chunk.length) this.pieces.add(chunk.subarray(start));
    return this.pieces.bytes <= LONGEST_EVENT;
  }

  /** The stream has ended: the data of an event without its empty line, which some servers leave out; it may be cut. */
  end(): string | undefined {
    if (this.pieces.bytes === 0) return undefined;
    const isAll = this.isFirst;
    const rest = this.pieces.take().toString();
    // Some servers call a JSON text an event stream.
    return isAll && rest.trimStart().startsWith('{') ? rest : this.dataOf(rest);
  }

  private finish(chunk: Buffer, start: number, end: number): void {
    // Empty lines alone are no event, and an upstream may send millions.
    if (end - start < LEAST_EVENT && this.pieces.bytes === 0) this.isFirst = false;
    else this.dispatch(this.take(chunk.subarray(start, end)));
  }

  private take(last: Buffer): string {
    if (this.pieces.bytes === 0) return last.toString();
    this.pieces.add(last);
    return this.pieces.take().toString();
  }

  private dispatch(event: string): void {
    const data = this.dataOf(event);
    if (data !== undefined) this.onData(data);
  }

  private dataOf(text: string): string | undefined {
    // One leading byte order mark is no part of the stream.
    const event = this.isFirst && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    this.isFirst = false;
    const data = event
      .split(LINE_END)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(line[5] === ' ' ? 6 : 5));
    return data.length > 0 ? data.join('\n') : undefined;
  }
}
