// A thread that hashes passwords, with less claim to the processor than the threads that serve requests.
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { hashPassword, matchesHash } from './password-hash.ts';
import type { PasswordAnswer, PasswordQuestion } from './password-work.ts';

/** A tenth of an ordinary thread's share when both want the same core, and all of it when the core is free. */
const NICENESS = 10;

/** On Linux each thread has a priority of its own, under its thread id. Elsewhere the thread competes like any other. */
function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICENESS);
  } catch {
    // A sandbox without /proc: logins then cost their neighbours more, and nothing else changes.
  }
}

function answer(question: PasswordQuestion): PasswordAnswer {
  try {
    return question.kind === 'hash'
      ? { hash: hashPassword(question.password) }
      : { matches: matchesHash(question.password, question.hash) };
  } catch (error) {
    return { failure: String(error) };
  }
}

stepBack();
parentPort?.on('message', (question: PasswordQuestion) => parentPort?.postMessage(answer(question)));
