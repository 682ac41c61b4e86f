import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { PasswordAnswer, PasswordQuestion } from './password-work.ts';

/**
 * Threads that hash passwords, one password each at a time. They begin with the first password, and one that fails is
 * replaced by the next question. The caller bounds how many questions run at once: each gets a thread.
 */
export class PasswordThreads {
  private readonly idle: Worker[] = [];

  /** Rejects when the thread ends before it has answered. */
  async ask(question: PasswordQuestion): Promise<PasswordAnswer> {
    const thread = this.idle.pop() ?? startThread();
    // A process may end between two passwords, not while one is being looked at.
    thread.ref();
    const answer = await nextAnswer(thread, question);
    thread.unref();
    this.idle.push(thread);
    return answer;
  }
}

function startThread(): Worker {
  // From the sources as .ts and from the package as .js: whichever this file is.
  const file = new URL(`./password-worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(fileURLToPath(file), { execArgv: ['--disable-warning=ExperimentalWarning'], env: {} });
}

function nextAnswer(thread: Worker, question: PasswordQuestion): Promise<PasswordAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PasswordAnswer>();
  const onExit = (): void => reject(new Error('the thread that hashes passwords has ended'));
  thread.once('message', resolve).once('error', reject).once('exit', onExit);
  thread.postMessage(question);
  return promise.finally(() => thread.off('message', resolve).off('error', reject).off('exit', onExit));
}
