/** What became of a request that asked for a place. */
export type Entry = 'entered' | 'full' | Waiting;

/** A request that waits for a place, or had to. */
export interface Waiting {
  /** Whether a place came free in time. */
  readonly entered: Promise<boolean>;
  /** Gives up the place in the queue, or the one it led to. */
  leave(): void;
}

interface Room {
  running: number;
  readonly queue: Set<Place>;
}

/** Bounded waiting: at most `max` waiters per key, each for at most `waitMs`. */
export interface QueueBounds {
  readonly max: number;
  readonly waitMs: number;
}

/**
 * Counts what runs at the same time, per key, in this process. Keys without a running request are forgotten, so memory
 * is bounded by the requests in flight. Waiting requests are served in order.
 */
export class Slots {
  private readonly limit: number;
  private readonly queue: QueueBounds | undefined;
  private readonly rooms = new Map<string, Room>();

  constructor(limit: number, queue: QueueBounds | undefined) {
    this.limit = limit;
    this.queue = queue;
  }

  enter(key: string): Entry {
    const room = this.roomOf(key);
    if (room.running < this.limit) {
      room.running++;
      return 'entered';
    }
    if (!this.queue || room.queue.size >= this.queue.max) return 'full';
    return new Place(room.queue, this.queue.waitMs, () => this.leave(key));
  }

  /** Gives a place back; the longest waiter takes it. */
  leave(key: string): void {
    const room = this.rooms.get(key);
    if (!room) return;
    const [next] = room.queue;
    if (next) {
      next.enter();
      return;
    }
    room.running--;
    if (room.running === 0) this.rooms.delete(key);
  }

  /** Requests running under a key. */
  running(key: string): number {
    return this.rooms.get(key)?.running ?? 0;
  }

  private roomOf(key: string): Room {
    let room = this.rooms.get(key);
    if (!room) {
      room = { running: 0, queue: new Set() };
      this.rooms.set(key, room);
    }
    return room;
  }
}

/** A place in the queue of one room. */
class Place implements Waiting {
  readonly entered: Promise<boolean>;
  private readonly queue: Set<Place>;
  private readonly timer: NodeJS.Timeout;
  private readonly giveBack: () => void;
  private resolve: (entered: boolean) => void = () => {};
  private hasEntered = false;

  constructor(queue: Set<Place>, waitMs: number, giveBack: () => void) {
    this.queue = queue;
    this.giveBack = giveBack;
    this.entered = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.timer = setTimeout(() => this.end(false), waitMs);
    queue.add(this);
  }

  enter(): void {
    this.hasEntered = true;
    this.end(true);
  }

  leave(): void {
    if (this.hasEntered) this.giveBack();
    else this.end(false);
  }

  private end(entered: boolean): void {
    this.queue.delete(this);
    clearTimeout(this.timer);
    this.resolve(entered);
  }
}
