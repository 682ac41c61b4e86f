import type { Seal } from './seal.ts';

/** Why a model stopped. `calls`: it waits for the results of tools; `filter`: it refused, or was cut by a filter. */
export type FinishReason = 'stop' | 'stop_sequence' | 'length' | 'calls' | 'filter';

/** Tokens as the provider reported them. */
export interface AnswerUsage {
  /** All of the input, cached tokens included. */
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** All of the output, reasoning included. */
  readonly output: number;
  readonly reasoning: number;
}

export interface TextPart {
  readonly kind: 'text';
  readonly text: string;
}

/** The words in which the model declined to answer. */
export interface RefusalPart {
  readonly kind: 'refusal';
  readonly text: string;
}

/** What the model thought before it spoke. */
export interface ReasoningPart {
  readonly kind: 'reasoning';
  readonly text: string;
  readonly seal: Seal | undefined;
}

/** A call of a tool of the client. */
export interface CallPart {
  readonly kind: 'call';
  readonly id: string;
  readonly name: string;
  /** The text of a JSON object. */
  readonly input: string;
}

export type AnswerPart = TextPart | RefusalPart | ReasoningPart | CallPart;

/** Who answers. Either may be empty where the upstream did not report it. */
export interface AnswerHead {
  readonly id: string;
  readonly model: string;
}

export interface AnswerEnd {
  readonly reason: FinishReason;
  /** The sequence that ended the answer, for the reason `stop_sequence`. */
  readonly stopSequence: string | undefined;
  readonly usage: AnswerUsage | undefined;
}

/** What a model answered, in no API's words. */
export interface Answer extends AnswerHead, AnswerEnd {
  readonly parts: readonly AnswerPart[];
}

/** The text of a call's input; a tool without arguments is called with an empty object. */
export function inputText(written: string): string {
  return written.trim() === '' ? '{}' : written;
}

/** Some servers report `stop` although they wait for the results of a call. */
export function settledReason(reason: FinishReason, parts: { hasCall: boolean; hasRefusal: boolean }): FinishReason {
  if (reason !== 'stop') return reason;
  return parts.hasCall ? 'calls' : parts.hasRefusal ? 'filter' : 'stop';
}
