import type { MinuteCount } from './usage-store.ts';

/** One count, and whether the database has yet to hear of it. */
interface Cell {
  readonly count: MinuteCount;
  isChanged: boolean;
}

/** What one consumer did in one minute. */
interface ConsumerMinute {
  readonly cellsByRoute: Map<string, Cell[]>;
  /** Requests that count as theirs, by the second of the minute. */
  readonly seconds: Uint32Array;
}

type Minute = Map<string, ConsumerMinute>;

/** One answered request. */
export type Answered = Pick<MinuteCount, 'consumer' | 'service' | 'route' | 'status' | 'isRecorded'> & {
  /** False for requests that do not count as use: the gateway's own endpoints, refusals by a limit. */
  readonly isCounted: boolean;
};

/** Counts per minute; past this many, further consumers of that minute are counted together, without a name. */
const MOST_CONSUMERS = 50_000;
/** While the database is away; then the oldest minute goes. */
const MOST_COUNTS = 500_000;

/**
 * Counts of requests per minute, on their way to the database. A minute stays here until all of it is there; what a
 * process that is killed had not brought there yet is not counted.
 */
export class MinuteTally {
  private readonly minutes = new Map<number, Minute>();
  private changed: Cell[] = [];
  /** Minutes before this one are in the database, or given up. */
  private firstOpen = 0;
  private size = 0;
  private latest: { readonly number: number; readonly minute: Minute } | undefined;

  /** `now` in epoch milliseconds. */
  add(answered: Answered, now: number): void {
    const second = Math.floor(now / 1000);
    // A clock that was set back must not reopen a stored minute: the new, smaller count would replace the stored one.
    const number = Math.max(Math.floor(second / 60), this.firstOpen);
    const minute = this.minuteAt(number);
    // One count of all that are too many: a minute must not cost memory without end.
    const hasRoom = minute.size < MOST_CONSUMERS || minute.has(answered.consumer);
    const consumer = hasRoom ? answered.consumer : '';
    const theirs = minute.get(consumer) ?? addConsumer(minute, consumer);
    if (answered.isCounted) (theirs.seconds[second % 60] as number)++;
    const cell = this.cellIn(theirs, answered, { minute: number, consumer });
    cell.count.requests += 1;
    this.noteChanged(cell);
  }

  /** Everything that has changed since it was last taken. `keep` takes it back when it could not be stored. */
  take(): { counts: MinuteCount[]; keep: () => void } {
    const taken = this.changed;
    this.changed = [];
    for (const cell of taken) cell.isChanged = false;
    const keep = (): void => taken.forEach((cell) => this.noteChanged(cell));
    return { counts: taken.map(({ count }) => ({ ...count })), keep };
  }

  /** Forgets minutes that are over, and stored. */
  forget(now: number): void {
    const past = Math.floor(now / 60_000) - 1;
    const unstored = new Set(this.changed.map(({ count }) => count.minute));
    for (const [number, minute] of this.minutes) {
      if (number < past && !unstored.has(number)) this.drop(number, minute);
    }
    for (const [number, minute] of this.minutes) {
      if (this.size <= MOST_COUNTS) return;
      this.drop(number, minute);
    }
  }

  /** The oldest minute that is here, since the epoch; what came before is in the database only. */
  get oldest(): number {
    return this.minutes.keys().next().value ?? Number.POSITIVE_INFINITY;
  }

  /** Requests of a consumer that are here and came at this second (since the epoch) or later. */
  countSince(consumer: string, second: number): number {
    let sum = 0;
    for (const [number, minute] of this.minutes) {
      const theirs = minute.get(consumer);
      if (!theirs) continue;
      for (let i = 0; i < 60; i++) if (number * 60 + i >= second) sum += theirs.seconds[i] as number;
    }
    return sum;
  }

  private minuteAt(number: number): Minute {
    if (this.latest?.number === number) return this.latest.minute;
    const minute: Minute = this.minutes.get(number) ?? new Map();
    this.minutes.set(number, minute);
    this.latest = { number, minute };
    return minute;
  }

  private cellIn({ cellsByRoute }: ConsumerMinute, answered: Answered, of: { minute: number; consumer: string }): Cell {
    const { status, route, service, isRecorded } = answered;
    let cells = cellsByRoute.get(route);
    if (!cells) cellsByRoute.set(route, (cells = []));
    for (const cell of cells) {
      const { count } = cell;
      if (count.status === status && count.isRecorded === isRecorded && count.service === service) return cell;
    }
    const cell = { count: { ...of, service, route, status, isRecorded, requests: 0 }, isChanged: false };
    cells.push(cell);
    this.size += 1;
    return cell;
  }

  private noteChanged(cell: Cell): void {
    if (cell.isChanged) return;
    cell.isChanged = true;
    this.changed.push(cell);
  }

  private drop(number: number, minute: Minute): void {
    for (const { cellsByRoute } of minute.values())
      for (const cells of cellsByRoute.values()) this.size -= cells.length;
    this.changed = this.changed.filter(({ count }) => count.minute !== number);
    this.minutes.delete(number);
    this.firstOpen = Math.max(this.firstOpen, number + 1);
    if (this.latest?.number === number) this.latest = undefined;
  }
}

function addConsumer(minute: Minute, consumer: string): ConsumerMinute {
  const theirs = { cellsByRoute: new Map<string, Cell[]>(), seconds: new Uint32Array(60) };
  minute.set(consumer, theirs);
  return theirs;
}
