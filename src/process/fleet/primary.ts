import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../lib/clock.ts';
import { CounterDesk } from '../../counters/counter-desk.ts';
import { createOwnTime } from '../../counters/own-time.ts';
import { mergeExpositions } from '../../telemetry/merge-expositions.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { FileFollower } from '../../lib/file-follower.ts';
import { followConfig } from '../reload.ts';
import type { Ending } from '../shutdown.ts';
import type { Exposition, ScrapeWish, WorkerFacts, WorkerQuestion } from './messages.ts';
import { forkWorker, type LiveWorker } from './workers.ts';

interface PrimaryOptions {
  readonly workers: number;
  /** The configuration file, watched for all. */
  readonly file: string;
  /** Added to the environment of the workers, so that all accept the same keys. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Logger;
  /** How the workers end when all of them do. */
  readonly ending: Ending;
  /** Longest time a worker may take to end. */
  readonly stopWithinMs: number;
}

const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** A worker that lived this long has not failed at its start. */
const HEALTHY_AFTER_MS = 10_000;

/**
 * Keeps several processes of the gateway running, which share its sockets, and does once for all of them what must not
 * be done by each: it watches the file, starts reloads, adds up metrics, counts limits where there is no Redis, and ends
 * them together. It serves no request.
 */
export class Primary {
  private readonly options: PrimaryOptions;
  private readonly watch: FileFollower;
  private readonly desk = new CounterDesk(createOwnTime(systemClock));
  private workers: LiveWorker[] = [];
  /** What workers that have ended had counted, by format. */
  private readonly departed = new Map<string, string>();
  private pauseMs = SHORTEST_PAUSE_MS;
  private isStarting = true;
  private isStopping = false;
  private rolling: Promise<void> = Promise.resolve();

  constructor(options: PrimaryOptions) {
    this.options = options;
    this.watch = followConfig(options.file, options.log, () => this.reload());
  }

  /** Resolves when all accept requests. The first begins alone: what it cannot do, none can. Rejects when it ends. */
  async start(): Promise<WorkerFacts> {
    const facts = await this.fork().ready;
    const others = Array.from({ length: this.options.workers - 1 }, () => this.fork().ready);
    await Promise.all(others);
    await this.watch.start();
    this.isStarting = false;
    return facts;
  }

  /** One worker loads the file; when it can use it, the others follow. */
  async reload(): Promise<void> {
    const first = this.present()[0];
    if (first && (await first.reload(true).catch(() => false))) await this.follow(first);
  }

  /** Replaces the workers one by one; each ends when its successor accepts requests. One round at a time. */
  roll(): Promise<void> {
    this.rolling = this.rolling.then(() => this.rollOnce());
    return this.rolling;
  }

  /** Ends all workers, each finishing what it is doing. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.watch.stop();
    const { ending, stopWithinMs } = this.options;
    await Promise.all(this.workers.map((worker) => worker.stop(ending, stopWithinMs)));
  }

  /** Ends all workers at once. */
  kill(): void {
    this.isStopping = true;
    for (const worker of this.workers) worker.kill();
  }

  private present(): LiveWorker[] {
    return this.workers.filter(({ isLeaving }) => !isLeaving);
  }

  private fork(): LiveWorker {
    const startedAt = performance.now();
    const worker = forkWorker({ env: this.options.env, onQuestion: (question, from) => this.answer(question, from) });
    this.workers.push(worker);
    const { id, pid } = worker;
    worker.ready.then(
      () => this.options.log.info({ worker: id, pid }, 'a worker accepts requests'),
      // Its waiters receive the error.
      () => undefined,
    );
    void worker.ended.then(() => this.bury(worker, performance.now() - startedAt));
    return worker;
  }

  private async bury(worker: LiveWorker, livedMs: number): Promise<void> {
    this.workers = this.workers.filter((other) => other !== worker);
    for (const [format, body] of worker.lastMetrics)
      this.departed.set(format, mergeExpositions([], [body, this.departed.get(format) ?? '']));
    if (this.isStarting || this.isStopping || this.present().length >= this.options.workers) return;
    const isHealthy = livedMs >= HEALTHY_AFTER_MS;
    const pauseMs = isHealthy ? 0 : this.pauseMs;
    this.pauseMs = isHealthy ? SHORTEST_PAUSE_MS : Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
    this.options.log.error({ worker: worker.id, pause_ms: pauseMs }, 'a worker has ended: starting another');
    await sleep(pauseMs);
    if (!this.isStopping) this.fork();
  }

  private async rollOnce(): Promise<void> {
    const { log, stopWithinMs } = this.options;
    for (const worker of this.present()) {
      if (this.isStopping) return;
      try {
        await this.fork().ready;
      } catch {
        log.error('a new worker did not become ready: the others stay as they are');
        return;
      }
      await worker.stop('replaced', stopWithinMs);
    }
    log.info({ workers: this.workers.length }, 'all workers have been replaced');
  }

  private async answer(question: WorkerQuestion, from: LiveWorker): Promise<unknown> {
    if (question.kind === 'counters') return this.desk.answer(question.calls);
    if (question.kind === 'metrics') return this.gather(question.wish);
    if (question.kind === 'reloaded') await this.follow(from);
    return undefined;
  }

  private async follow(first: LiveWorker): Promise<void> {
    const others = this.present().filter((worker) => worker !== first);
    await Promise.allSettled(others.map((worker) => worker.reload(false)));
  }

  /** A worker that does not answer in time counts with its last answer. */
  private async gather(wish: ScrapeWish): Promise<Exposition> {
    // Both as they are now: workers may come and go during the wait, and each must be counted exactly once.
    const asked = [...this.workers];
    const departed = new Map(this.departed);
    const said = await Promise.allSettled(asked.map((worker) => worker.metrics(wish)));
    const present = said.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const contentType = present[0]?.contentType;
    if (contentType === undefined) throw new Error('no worker says anything of its metrics');
    const silent = asked.filter((_, i) => said[i]?.status === 'rejected');
    const earlier = [...silent.map(({ lastMetrics }) => lastMetrics), departed];
    const bodies = present.map(({ body }) => body);
    return {
      contentType,
      body: mergeExpositions(
        bodies,
        earlier.map((known) => known.get(contentType) ?? ''),
      ),
    };
  }
}
