import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Ending } from '../shutdown.ts';
import { Dialogue } from './dialogue.ts';
import type { Exposition, PrimaryQuestion, ScrapeWish, WorkerFacts, WorkerQuestion } from './messages.ts';

/** A worker process as the primary sees it. */
export interface LiveWorker {
  readonly id: number;
  readonly pid: number | undefined;
  /** Resolves when it accepts requests; rejects when it ends before that. */
  readonly ready: Promise<WorkerFacts>;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  /** It has been asked to end. */
  readonly isLeaving: boolean;
  /** Its last metrics, by format. */
  readonly lastMetrics: ReadonlyMap<string, string>;
  metrics(wish: ScrapeWish): Promise<Exposition>;
  reload(isFirst: boolean): Promise<boolean>;
  /** Lets it finish its requests. Resolves when it has ended; at the deadline it is killed. */
  stop(ending: Ending, deadlineMs: number): Promise<void>;
  kill(): void;
}

interface ForkOptions {
  /** Added to the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly onQuestion: (question: WorkerQuestion, worker: LiveWorker) => Promise<unknown>;
}

const METRICS_DEADLINE_MS = 2000;
const RELOAD_DEADLINE_MS = 30_000;

/** Starts one more process of the same program. */
export function forkWorker({ env, onQuestion }: ForkOptions): LiveWorker {
  const worker = cluster.fork(env);
  const ready = Promise.withResolvers<WorkerFacts>();
  const ended = once(worker, 'exit');
  void ended.then(() => ready.reject(new Error('a worker has ended before it was ready')));
  // A caller that starts a worker may not wait for it.
  ready.promise.catch(() => undefined);
  const dialogue = new Dialogue<PrimaryQuestion, WorkerQuestion>(worker, async (question) => {
    if (question.kind !== 'ready') return onQuestion(question, live);
    ready.resolve(question.facts);
    return undefined;
  });
  let isLeaving = false;
  const lastMetrics = new Map<string, string>();
  const wishes = new Map<string, ScrapeWish>();
  const keep = (said: readonly Exposition[]): void => {
    for (const { contentType, body } of said) lastMetrics.set(contentType, body);
  };
  const live: LiveWorker = {
    id: worker.id,
    pid: worker.process.pid,
    ready: ready.promise,
    ended,
    get isLeaving() {
      return isLeaving;
    },
    lastMetrics,
    metrics: async (wish) => {
      const said = (await dialogue.ask({ kind: 'metrics', wish }, METRICS_DEADLINE_MS)) as Exposition;
      keep([said]);
      wishes.set(said.contentType, wish);
      return said;
    },
    reload: async (isFirst) => (await dialogue.ask({ kind: 'reload', isFirst }, RELOAD_DEADLINE_MS)) as boolean,
    stop: async (ending, deadlineMs) => {
      isLeaving = true;
      const farewell = dialogue.ask({ kind: 'stop', ending, wishes: [...wishes.values()] }, deadlineMs);
      await Promise.race([ended, farewell.then((said) => keep(said as Exposition[])).catch(() => undefined)]);
      end(worker);
      await ended;
    },
    kill: () => end(worker),
  };
  return live;
}

function end({ process: child }: Worker): void {
  child.kill('SIGKILL');
}
