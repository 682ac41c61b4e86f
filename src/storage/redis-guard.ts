// Keeps a Redis that is away from costing anything: after the first failure nobody asks it until a probe succeeds.
import type { RedisConnection, RedisScript } from './redis.ts';
import { defineScript, runScript } from './redis.ts';

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
}

/** A call waits this long for its answer; twice at most, when this process itself was not listening. */
const ANSWER_MS = 50;
/** A timer that fires later than this after its time shows that our own event loop stood still. */
const STALL_MS = 20;
const BEAT_UP_MS = 1000;
const BEAT_DOWN_MS = 200;
const FIRST_ANSWER_MS = 1000;

const TIMED_OUT = Symbol('timed out');

export class RedisGuard {
  private readonly options: GuardOptions;
  private state: { readonly isUp: boolean; readonly reason: string | undefined } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isBeating = false;
  private isClosed = false;

  constructor(options: GuardOptions) {
    this.options = options;
    const { connection } = options;
    for (const script of [...options.scripts, options.heartbeat.script]) defineScript(connection, script);
    connection.on('ready', () => void this.beat());
    connection.on('close', () => this.turn(false, 'connection'));
  }

  /** Whether `run` may be called. */
  get isUp(): boolean {
    return this.state?.isUp === true && this.options.connection.status === 'ready';
  }

  /** Why Redis is not in use; `undefined` while it is. */
  get reason(): string | undefined {
    return this.isUp ? undefined : (this.state?.reason ?? 'connection');
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
   * What timed out may have been executed all the same.
   */
  async run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      const reply = await withDeadline(runScript(this.options.connection, script, keys, args));
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

  private async beat(): Promise<void> {
    if (this.isBeating || this.isClosed) return;
    this.isBeating = true;
    clearTimeout(this.timer);
    const { connection, heartbeat } = this.options;
    try {
      if (connection.status === 'ready') {
        const reply = await withDeadline(runScript(connection, heartbeat.script, heartbeat.keys, heartbeat.args()));
        if (reply === TIMED_OUT) this.turn(false, 'timeout');
        else this.welcome(reply);
      } else {
        this.turn(false, 'connection');
      }
    } catch (error) {
      this.turn(false, reasonOf(error));
    }
    this.isBeating = false;
    this.scheduleBeat();
  }

  private welcome(reply: unknown): void {
    this.options.heartbeat.onReply(reply);
    this.turn(true, undefined);
  }

  private scheduleBeat(): void {
    if (this.isClosed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.beat(), this.isUp ? BEAT_UP_MS : BEAT_DOWN_MS);
    this.timer.unref();
  }

  /** An error that speaks of one key only says nothing about the server. */
  private fail(error: unknown): void {
    const reason = reasonOf(error);
    if (reason !== 'wrongtype') this.turn(false, reason);
  }

  private turn(isUp: boolean, reason: string | undefined): void {
    if (this.isClosed || this.state?.isUp === isUp) return;
    this.state = { isUp, reason };
    this.options.onState(isUp, reason);
    if (!isUp && !this.isBeating) this.scheduleBeat();
  }
}

/**
 * The answer, or `TIMED_OUT` after 50 ms. Timers run before sockets are read, so after a stall of our own event loop an
 * answer may lie unread, or the question unsent: then the wait starts once more.
 */
function withDeadline(answer: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let timer = setTimeout(() => {
      if (performance.now() - startedAt < ANSWER_MS + STALL_MS) resolve(TIMED_OUT);
      else timer = setTimeout(resolve, ANSWER_MS, TIMED_OUT);
    }, ANSWER_MS);
    answer.then(
      (reply) => {
        clearTimeout(timer);
        resolve(reply);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
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
