/** How one request fared at the door. */
export type Entry = 'entered' | 'full' | Promise<boolean>;

interface Waiter {
  readonly enter: (entered: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

interface Room {
  running: number;
  readonly queue: Set<Waiter>;
}

/** Bounded waiting: at most `max` waiters per key, each for at most `waitMs`. */
export interface QueueBounds {
  readonly max: number;
  readonly waitMs: number;
}

/**
 * Counts what runs at the same time, per key, in this process. Keys without a running request are forgotten, so memory
 * is bounded by the requests in flight. Whoever waits is served in order.
 */
export class Slots {
  private readonly limit: number;
  private readonly queue: QueueBounds | undefined;
  private readonly rooms = new Map<string, Room>();

  constructor(limit: number, queue: QueueBounds | undefined) {
    this.limit = limit;
    this.queue = queue;
  }

  /** A promise only when the request has to wait; it tells whether a place came free in time. */
  enter(key: string): Entry {
    const room = this.roomOf(key);
    if (room.running < this.limit) {
      room.running++;
      return 'entered';
    }
    if (!this.queue || room.queue.size >= this.queue.max) return 'full';
    return this.wait(room, this.queue.waitMs);
  }

  /** Gives a place back; the longest waiter takes it. */
  leave(key: string): void {
    const room = this.rooms.get(key);
    if (!room) return;
    const [next] = room.queue;
    if (next) {
      room.queue.delete(next);
      clearTimeout(next.timer);
      next.enter(true);
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

  private wait(room: Room, waitMs: number): Promise<boolean> {
    return new Promise((enter) => {
      const timer = setTimeout(() => {
        room.queue.delete(waiter);
        enter(false);
      }, waitMs);
      const waiter: Waiter = { enter, timer };
      room.queue.add(waiter);
    });
  }
}
