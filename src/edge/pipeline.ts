import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request whose turn has not come. */
interface Waiting {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

interface PipelineEvents {
  /** The turn of a request has come. */
  readonly onTurn: (req: IncomingMessage, res: ServerResponse) => void;
  /** An answer was given up before it was whole. */
  readonly onBroken: (res: ServerResponse) => void;
  /** Nothing runs and nothing waits any more. */
  readonly onIdle: () => void;
}

const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The requests of one connection that arrived before the answer to the one in front of them was finished. Those with
 * safe methods run at once up to a bound; any other runs alone, after everything before it and before everything
 * behind it (RFC 9112 section 9.3.2). Node puts the answers in order by itself.
 */
export class Pipeline {
  private readonly mostAtOnce: number;
  private readonly running = new Set<ServerResponse>();
  private readonly waiting: Waiting[] = [];
  private readonly events: PipelineEvents;

  constructor(mostAtOnce: number, events: PipelineEvents) {
    this.mostAtOnce = mostAtOnce;
    this.events = events;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting.length === 0;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  /** Counts an answer among those that run, until it closes. */
  follow(res: ServerResponse): void {
    if (this.running.has(res)) return;
    this.running.add(res);
    res.once('close', () => {
      this.running.delete(res);
      if (!res.writableFinished) this.events.onBroken(res);
      this.advance();
    });
  }

  push(req: IncomingMessage, res: ServerResponse): void {
    this.waiting.push({ req, res });
    this.advance();
  }

  /** Takes the latest request back out when it is this one and has not begun. */
  takeBack(req: IncomingMessage): boolean {
    if (this.waiting.at(-1)?.req !== req) return false;
    this.waiting.pop();
    return true;
  }

  /** The answer to this request while it runs. */
  answerTo(req: IncomingMessage): ServerResponse | undefined {
    for (const res of this.running) if (res.req === req) return res;
    return undefined;
  }

  /** What waits will never begin. True when there was something. */
  dropWaiting(): boolean {
    return this.waiting.splice(0).length > 0;
  }

  /** Ends what still runs; for a connection that is gone. Node ends only the answer that it was sending. */
  abort(): void {
    this.dropWaiting();
    for (const res of this.running) res.destroy();
  }

  private advance(): void {
    for (let next = this.waiting[0]; next && this.mayJoin(next.req); next = this.waiting[0]) {
      this.waiting.shift();
      this.follow(next.res);
      this.events.onTurn(next.req, next.res);
    }
    if (this.isIdle) this.events.onIdle();
  }

  private mayJoin(req: IncomingMessage): boolean {
    if (this.running.size === 0) return true;
    if (this.running.size >= this.mostAtOnce || !SAFE_METHODS.has(req.method)) return false;
    // Before its turn Node would put the 100 it waits for behind the head of its answer.
    if (req.headers.expect !== undefined) return false;
    for (const { req: other } of this.running) if (!SAFE_METHODS.has(other.method)) return false;
    return true;
  }
}
