import type { MinuteCount } from './usage-store.ts';

/** What one consumer did in one minute. */
interface ConsumerMinute {
  readonly counts: MinuteCount[];
  /** Requests that count as theirs, by the second of the minute. */
  readonly seconds: Uint32Array;
  isChanged: boolean;
}

type Minute = Map<string, ConsumerMinute>;

/** One answered request. */
export type Answered = Pick<MinuteCount, 'consumer' | 'service' | 'route' | 'status' | 'isRecorded'> & {
  /** False for what its consumer did not mean to count: the gateway's own endpoints, refusals by a limit. */
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
  private size = 0;
  private latest: { readonly number: number; readonly minute: Minute } | undefined;

  /** `now` in epoch milliseconds. */
  add(answered: Answered, now: number): void {
    const second = Math.floor(now / 1000);
    const minute = this.minuteAt(Math.floor(second / 60));
    // One count of all that are too many: a minute must not cost memory without end.
    const hasRoom = minute.size < MOST_CONSUMERS || minute.has(answered.consumer);
    const consumer = hasRoom ? answered.consumer : '';
    const theirs = minute.get(consumer) ?? addConsumer(minute, consumer);
    if (answered.isCounted) (theirs.seconds[second % 60] as number)++;
    theirs.isChanged = true;
    this.countIn(theirs, answered, { minute: Math.floor(second / 60), consumer }).requests += 1;
  }

  /** Everything that has changed since it was last taken. `keep` takes it back when it could not be stored. */
  take(): { counts: MinuteCount[]; keep: () => void } {
    const taken: ConsumerMinute[] = [];
    for (const minute of this.minutes.values())
      for (const theirs of minute.values()) if (theirs.isChanged) taken.push(theirs);
    for (const theirs of taken) theirs.isChanged = false;
    const keep = (): void => {
      for (const theirs of taken) theirs.isChanged = true;
    };
    return { counts: taken.flatMap(({ counts }) => counts.map((count) => ({ ...count }))), keep };
  }

  /** Forgets minutes that are over, and stored. */
  forget(now: number): void {
    const past = Math.floor(now / 60_000) - 1;
    for (const [number, minute] of this.minutes) {
      const isStored = !minute.values().some(({ isChanged }) => isChanged);
      if (number < past && isStored) this.drop(number, minute);
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

  private countIn(
    { counts }: ConsumerMinute,
    answered: Answered,
    of: { minute: number; consumer: string },
  ): MinuteCount {
    const { status, route, service, isRecorded } = answered;
    for (const count of counts) {
      if (count.status !== status || count.route !== route || count.isRecorded !== isRecorded) continue;
      if (count.service === service) return count;
    }
    const count = { ...of, service, route, status, isRecorded, requests: 0 };
    counts.push(count);
    this.size += 1;
    return count;
  }

  private drop(number: number, minute: Minute): void {
    for (const { counts } of minute.values()) this.size -= counts.length;
    this.minutes.delete(number);
    if (this.latest?.number === number) this.latest = undefined;
  }
}

function addConsumer(minute: Minute, consumer: string): ConsumerMinute {
  const theirs = { counts: [], seconds: new Uint32Array(60), isChanged: true };
  minute.set(consumer, theirs);
  return theirs;
}
