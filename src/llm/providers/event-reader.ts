import { StringDecoder } from 'node:string_decoder';

/** Characters one event may have before it is complete: far more than any real one, and a bound all the same. */
const LONGEST_EVENT = 8 * 1024 * 1024;

/**
 * Cuts an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html section 9.2.6) into the data of
 * its events, wherever the chunks break: inside a character, a line ending, a field. Fields other than `data` are not
 * needed: both APIs repeat the kind of an event in its data.
 */
export class EventReader {
  private readonly onData: (data: string) => void;
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  private data: string | undefined;
  private size = 0;

  constructor(onData: (data: string) => void) {
    this.onData = onData;
  }

  /** Calls back for every event that is complete now; false once an event is too long to be waited for. */
  read(chunk: Buffer): boolean {
    const text = this.decoder.write(chunk);
    // Without a line feed in what is new there is nothing to complete: a long line is not searched again and again.
    if (!text.includes('\n')) {
      this.rest += text;
      return this.rest.length + this.size <= LONGEST_EVENT;
    }
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() as string;
    for (const line of lines) this.readLine(line);
    return this.rest.length + this.size <= LONGEST_EVENT;
  }

  private readLine(line: string): void {
    const end = line.endsWith('\r') ? line.length - 1 : line.length;
    if (end === 0) return this.dispatch();
    if (!line.startsWith('data:')) return;
    const value = line.slice(line[5] === ' ' ? 6 : 5, end);
    this.data = this.data === undefined ? value : `${this.data}\n${value}`;
    this.size = this.data.length;
  }

  private dispatch(): void {
    const { data } = this;
    this.data = undefined;
    this.size = 0;
    if (data !== undefined) this.onData(data);
  }
}
