import { type FallbackCause, USUAL_CAUSES } from '../../lib/fallback-cause.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { refusalCause } from '../../llm/refusal-cause.ts';
import type { Answer, FailureKind, UpstreamFailure } from '../../upstream/attempt.ts';
import { KeptAnswer } from '../../upstream/kept-answer.ts';

/** Statuses of a request that was refused for what it is. */
const REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
const KEY_REFUSED: ReadonlySet<number> = new Set([401, 403]);
/** More of an error than that is not read. */
const LONGEST_ERROR = 1024 * 1024;
const SILENT: ReadonlySet<FailureKind> = new Set(['first_byte_timeout', 'connect_timeout', 'write_timeout']);

/** An answer, and why another model might do better; `undefined` where none would. */
export interface JudgedAnswer {
  readonly answer: Answer;
  readonly cause: FallbackCause | undefined;
}

/** True when the model being asked gives way to its fallbacks for this cause. */
export function givesWayFor(exchange: Exchange, cause: FallbackCause): boolean {
  return (exchange.model?.model.fallbackOn ?? USUAL_CAUSES).includes(cause);
}

/** Why an answer that is no success was given. Its text is read only where a fallback depends on what it says. */
export function causeOfAnswer(exchange: Exchange, answer: Answer): JudgedAnswer | Promise<JudgedAnswer> {
  const { status } = answer;
  if (KEY_REFUSED.has(status)) return { answer, cause: 'auth' };
  if (!REFUSED.has(status)) return { answer, cause: causeOfStatus(status) };
  const mustRead = givesWayFor(exchange, 'context_length') || givesWayFor(exchange, 'content_policy');
  if (!mustRead) return { answer, cause: undefined };
  return answer
    .collect(LONGEST_ERROR)
    .then((body) => ({ answer: new KeptAnswer(exchange, answer, body), cause: refusalCause(status, body) }));
}

/** Why there was no answer. */
export function causeOfFailure({ kind }: UpstreamFailure): FallbackCause {
  return SILENT.has(kind) ? 'timeout' : 'overloaded';
}

function causeOfStatus(status: number): FallbackCause {
  if (status === 429) return 'rate_limit';
  return status === 408 || status === 504 ? 'timeout' : 'overloaded';
}
