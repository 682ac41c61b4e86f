import type { CounterAnswer, CounterCall } from '../../counters/counter-calls.ts';
import type { CounterLink } from '../../counters/linked-counters.ts';
import { flushLogger, type Logger } from '../../telemetry/logger.ts';
import type { OpenDependencies } from '../open-dependencies.ts';
import type { Reloader } from '../reload.ts';
import type { Ending } from '../shutdown.ts';
import { type Channel, Dialogue } from './dialogue.ts';
import type { Exposition, PrimaryQuestion, ScrapeWish, WorkerQuestion } from './messages.ts';

/** The primary gathers from all workers in less. */
const METRICS_DEADLINE_MS = 3000;
const NOTICE_DEADLINE_MS = 1000;
/** The longest time a request waits for its limits. */
const COUNTERS_DEADLINE_MS = 100;

/** What of a running gateway the primary process asks about. */
interface RunningWorker {
  readonly url: string;
  readonly reloader: Reloader;
  readonly log: Logger;
  readonly deps: Pick<OpenDependencies, 'database' | 'metrics'>;
  stop(ending?: Ending): Promise<void>;
}

/** What a worker has of the primary process and, through it, of the other workers. */
export class FleetMember {
  /** The primary counts limits for all workers. */
  readonly counters: CounterLink;

  private readonly dialogue: Dialogue<WorkerQuestion, PrimaryQuestion>;
  private readonly started = Promise.withResolvers<RunningWorker>();

  /** `size`: workers of this gateway. */
  constructor(channel: Channel, size: number) {
    this.dialogue = new Dialogue(channel, (question) => this.answer(question));
    this.counters = { size, ask: (calls) => this.count(calls) };
  }

  /** The gateway of this worker accepts requests. */
  async begin(running: RunningWorker): Promise<void> {
    this.started.resolve(running);
    const facts = { url: running.url, database: running.deps.database.shown };
    await this.dialogue.ask({ kind: 'ready', facts }, NOTICE_DEADLINE_MS);
  }

  /** The metrics of all workers. */
  async render(...wish: ScrapeWish): Promise<Exposition> {
    return (await this.dialogue.ask({ kind: 'metrics', wish }, METRICS_DEADLINE_MS)) as Exposition;
  }

  /** Has the other workers load the configuration too. A primary that is gone takes this process with it. */
  announceReload(): void {
    this.dialogue.ask({ kind: 'reloaded' }, NOTICE_DEADLINE_MS).catch(() => undefined);
  }

  private async count(calls: readonly CounterCall[]): Promise<readonly CounterAnswer[]> {
    return (await this.dialogue.ask({ kind: 'counters', calls }, COUNTERS_DEADLINE_MS)) as CounterAnswer[];
  }

  private async answer(question: PrimaryQuestion): Promise<unknown> {
    const running = await this.started.promise;
    if (question.kind === 'metrics') return running.deps.metrics.render(...question.wish);
    if (question.kind === 'stop') {
      await running.stop(question.ending);
      flushLogger(running.log);
      return Promise.all(question.wishes.map((wish) => running.deps.metrics.render(...wish)));
    }
    const { reloader } = running;
    return (await (question.isFirst ? reloader.reload() : reloader.follow())).ok;
  }
}
