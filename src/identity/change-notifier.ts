/**
 * Tells other processes to read the feed of identity changes now instead of at their next second. Only a hint: it
 * carries no data, and losing one costs nothing but that second.
 */
export interface ChangeNotifier {
  publish(): void;
  subscribe(listener: () => void): void;
}

/** The parts of a Redis client that publishing needs. */
interface Publisher {
  publish(channel: string, message: string): Promise<unknown>;
}

/** A Redis client that is used for nothing else: a subscribed connection cannot run commands. */
interface Subscriber {
  subscribe(channel: string): Promise<unknown>;
  on(event: 'message' | 'ready', listener: (channel: string, message: string) => void): unknown;
}

/** Hints through Redis pub/sub. Failures are ignored: polling goes on without Redis. */
export class RedisChangeNotifier implements ChangeNotifier {
  private readonly publisher: Publisher;
  private readonly subscriber: Subscriber;
  private readonly channel: string;

  constructor(publisher: Publisher, subscriber: Subscriber, channel: string) {
    this.publisher = publisher;
    this.subscriber = subscriber;
    this.channel = channel;
  }

  publish(): void {
    this.publisher.publish(this.channel, '').catch(ignore);
  }

  subscribe(listener: () => void): void {
    this.subscriber.on('message', (channel) => {
      if (channel === this.channel) listener();
    });
    const listen = (): void => void this.subscriber.subscribe(this.channel).catch(ignore);
    // A new or restored connection must subscribe again.
    this.subscriber.on('ready', listen);
    listen();
  }
}

function ignore(): void {
  // The feed is polled anyway.
}
