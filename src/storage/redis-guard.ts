// Makes an unreachable Redis cheap: after the first failure no request asks it until a probe succeeds.
import type { RedisArgument, RedisConnection, RedisScript } from './redis.ts';
import { defineScript, pingAll, runScript } from './redis.ts';

/** A call that is repeated for as long as the guard lives; its success is what brings Redis back into use. */
export interface Heartbeat {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  args(): readonly (string | number)[];
  onReply(reply: unknown): void;
}

interface GuardOptions {
  readonly connection: RedisConnection;
  readonly scripts: readonly RedisScript[];
  readonly heartbeat: Heartbeat;
  /** `reason` is a short closed word. Called on changes only. */
  readonly onState: (isUp: boolean, reason: string | undefined) => void;
  /** Silence for this many milliseconds means that Redis is away. Default 50. */
  readonly silenceMs?: number | undefined;
}

const SILENCE_MS = 50;
/** A timer that fires later than this after its time shows that our event loop was blocked: we were not listening. */
const STALL_MS = 20;
/** No answer is waited for longer, however busily Redis answers others. */
const LONGEST_WAIT_MS = 5000;
/** Calls under way at most, each for many requests: a queue without a bound would turn a slow Redis into a full memory. */
const MOST_CALLS = 1_000;
const BEAT_UP_MS = 1000;
const BEAT_DOWN_MS = 200;
const FIRST_ANSWER_MS = 1000;

const TIMED_OUT = Symbol('timed out');

export class RedisGuard {
  private readonly options: GuardOptions;
  private readonly silenceMs: number;
  private state: { readonly isUp: boolean; readonly reason: string | undefined } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private beating: Promise<void> | undefined;
  private isClosed = false;
  private calls = 0;
  private lastAnswerAt = 0;

  constructor(options: GuardOptions) {
    this.options = options;
    this.silenceMs = options.silenceMs ?? SILENCE_MS;
    const { connection } = options;
    for (const script of [...options.scripts, options.heartbeat.script]) defineScript(connection, script);
    connection.on('ready', () => void this.beat());
    connection.on('close', () => this.turn(false, 'connection'));
  }

  /** Whether `run` may be called. */
  get isUp(): boolean {
    return this.state?.isUp === true && this.calls < MOST_CALLS && this.options.connection.status === 'ready';
  }

  /** Why Redis is not in use; `undefined` while it is. */
  get reason(): string | undefined {
    return this.state?.isUp ? undefined : (this.state?.reason ?? 'connection');
  }

  /** Resolves when Redis has answered for the first time, or is known not to, within a second. Begins to probe. */
  async start(): Promise<void> {
    const { connection } = this.options;
    if (connection.status !== 'ready') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, FIRST_ANSWER_MS);
        for (const event of ['ready', 'close'] as const) {
          connection.once(event, () => {
            clearTimeout(timer);
            resolve();
          });
        }
      });
    }
    await this.beat();
  }

  /**
   * One round trip. Rejects when there is no answer in time or the answer is an error, and then Redis counts as down.
   * A call that timed out may still have been executed.
   */
  async run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<unknown> {
    try {
      const reply = await this.call(() => runScript(this.options.connection, script, keys, args));
      if (reply !== TIMED_OUT) return reply;
    } catch (error) {
      this.fail(error);
      throw error;
    }
    this.turn(false, 'timeout');
    throw new Error('Redis did not answer in time');
  }

  /** Stops probing and drops the connection; calls in flight reject. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.options.connection.disconnect();
  }

  /** One heartbeat at a time: a caller that asks for another while one is under way waits for that one. */
  private beat(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    return (this.beating ??= this.beatOnce().finally(() => {
      this.beating = undefined;
      this.scheduleBeat();
    }));
  }

  private async beatOnce(): Promise<void> {
    clearTimeout(this.timer);
    const { connection, heartbeat } = this.options;
    if (connection.status !== 'ready') {
      this.turn(false, 'connection');
      return;
    }
    try {
      const reply = await this.call(async () => {
        await pingAll(connection);
        return runScript(connection, heartbeat.script, heartbeat.keys, heartbeat.args());
      });
      if (reply === TIMED_OUT) this.turn(false, 'timeout');
      else this.welcome(reply);
    } catch (error) {
      this.turn(false, reasonOf(error));
    }
  }

  /**
   * The answer, or `TIMED_OUT` when Redis has said nothing to anybody for `silenceMs`: answers to others show that it works
   * through a backlog. Timers run before sockets are read, so after a stall of our own event loop an answer may lie
   * unread, or the question unsent: then the wait starts once more.
   */
  private call(ask: () => Promise<unknown>): Promise<unknown> {
    const startedAt = performance.now();
    this.calls += 1;
    return new Promise((resolve, reject) => {
      let dueAt = startedAt + this.silenceMs;
      const check = (): void => {
        const now = performance.now();
        const isStalled = now > dueAt + STALL_MS;
        dueAt = isStalled ? now + this.silenceMs : Math.max(startedAt, this.lastAnswerAt) + this.silenceMs;
        if (dueAt <= now || now - startedAt > LONGEST_WAIT_MS) resolve(TIMED_OUT);
        else timer = setTimeout(check, dueAt - now);
      };
      let timer = setTimeout(check, this.silenceMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.calls -= 1;
        this.lastAnswerAt = performance.now();
      };
      ask().then(
        (reply) => {
          settle();
          resolve(reply);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  }

  private welcome(reply: unknown): void {
    this.options.heartbeat.onReply(reply);
    this.turn(true, undefined);
  }

  private scheduleBeat(): void {
    if (this.isClosed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beatOrReconnect(), this.state?.isUp ? BEAT_UP_MS : BEAT_DOWN_MS);
    this.timer.unref();
  }

  /** After a failover the old primary answers READONLY until the connection is made anew; then `ready` beats. */
  private beatOrReconnect(): void {
    const { connection } = this.options;
    if (this.state?.reason === 'readonly' && connection.status === 'ready') {
      connection.disconnect(true);
      this.scheduleBeat();
    } else {
      void this.beat();
    }
  }

  /** An error about a single key says nothing about the server. */
  private fail(error: unknown): void {
    const reason = reasonOf(error);
    if (reason !== 'wrongtype') this.turn(false, reason);
  }

  private turn(isUp: boolean, reason: string | undefined): void {
    if (this.isClosed || this.state?.isUp === isUp) return;
    this.state = { isUp, reason };
    this.options.onState(isUp, reason);
    if (!isUp && !this.beating) this.scheduleBeat();
  }
}

const REPLY_REASONS: readonly (readonly [RegExp, string])[] = [
  [/^(READONLY|LOADING|OOM|WRONGTYPE|NOPERM|MISCONF|BUSY|CLUSTERDOWN|MASTERDOWN)\b/, ''],
  [/^(NOAUTH|WRONGPASS|ERR (invalid password|AUTH))/, 'auth'],
  [/^ERR max number of clients/, 'maxclients'],
  [/^ERR/, 'error'],
];

/** A word for metrics and logs: never text that a server chose. */
function reasonOf(error: unknown): string {
  const message = error instanceof Object && 'message' in error ? String(error.message) : '';
  for (const [pattern, reason] of REPLY_REASONS) {
    const found = pattern.exec(message);
    if (found) return reason === '' ? (found[1] as string).toLowerCase() : reason;
  }
  return 'connection';
}
