import { getCompileCacheDir } from 'node:module';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  OPENING,
  type SqliteAnswer,
  type SqliteFailure,
  type SqliteResult,
  type SqliteValue,
  type SqliteWorkerSettings,
} from './sqlite-protocol.ts';

/** An error of SQLite or of its thread: `code` as node:sqlite gives it or `SQLITE_WORKER`, `errcode` SQLite's own. */
class SqliteError extends Error {
  readonly code: string;
  readonly errcode: number | undefined;

  constructor(failure: SqliteFailure) {
    super(failure.message);
    this.name = 'SqliteError';
    this.code = failure.code ?? 'ERR_SQLITE_ERROR';
    this.errcode = failure.errcode;
  }
}

interface Waiting {
  readonly resolve: (result: SqliteResult) => void;
  readonly reject: (error: SqliteError) => void;
  readonly timer: NodeJS.Timeout;
}

/** This side of the thread boundary: one worker thread, one connection. */
export class SqliteConnection {
  private readonly worker: Worker;
  private readonly deadlineMs: number;
  private readonly waiting = new Map<number, Waiting>();
  private readonly exited: Promise<void>;
  private lastId = OPENING;
  private open = true;

  /** Resolves when the file is open. `deadlineMs` bounds this and every statement; past it the thread is given up. */
  static async open(settings: SqliteWorkerSettings, deadlineMs: number): Promise<SqliteConnection> {
    const connection = new SqliteConnection(settings, deadlineMs);
    await connection.expect(OPENING);
    return connection;
  }

  private constructor(settings: SqliteWorkerSettings, deadlineMs: number) {
    this.deadlineMs = deadlineMs;
    // The worker runs from the sources as .ts and from the package as .js: whichever this file is.
    const file = new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url);
    // Some flags of the process, such as those of --eval, are errors in a worker that runs a file.
    const execArgv = ['--disable-warning=ExperimentalWarning'];
    this.worker = new Worker(fileURLToPath(file), { workerData: settings, execArgv, env: workerEnvironment() });
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.on('message', (answer: SqliteAnswer) => this.settle(answer));
    this.worker.on('error', (error) => this.abandon(`The SQLite thread failed: ${String(error)}`));
    this.worker.on('exit', () => this.abandon('The SQLite thread has ended'));
  }

  get isOpen(): boolean {
    return this.open;
  }

  run(sql: string, values: readonly SqliteValue[]): Promise<SqliteResult> {
    if (!this.open) return Promise.reject(workerError('The SQLite connection is closed'));
    this.lastId += 1;
    this.worker.postMessage({ id: this.lastId, sql, values });
    return this.expect(this.lastId);
  }

  /** Lets the statement that runs finish, closes the file and resolves when the thread has ended, within 2 s. */
  async close(): Promise<void> {
    this.open = false;
    this.worker.postMessage('close');
    const timer = setTimeout(() => void this.worker.terminate(), 2000);
    await this.exited;
    clearTimeout(timer);
  }

  private expect(id: number): Promise<SqliteResult> {
    return new Promise((resolve, reject) => {
      const late = () => this.abandon(`SQLite did not answer within ${this.deadlineMs} ms: timeout`);
      this.waiting.set(id, { resolve, reject, timer: setTimeout(late, this.deadlineMs) });
    });
  }

  private settle(answer: SqliteAnswer): void {
    const waiting = this.waiting.get(answer.id);
    if (!waiting) return;
    this.waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if ('result' in answer) waiting.resolve(answer.result);
    else waiting.reject(new SqliteError(answer.failure));
  }

  private abandon(reason: string): void {
    this.open = false;
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(workerError(reason));
    }
    this.waiting.clear();
    void this.worker.terminate();
  }
}

/** A worker does not inherit the compile cache, and compiling its files anew costs 80 ms of every start. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}

function workerError(message: string): SqliteError {
  return new SqliteError({ message, code: 'SQLITE_WORKER', errcode: undefined });
}
