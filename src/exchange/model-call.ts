import type { Turns } from '../lib/turns.ts';
import type { FallbackCause } from '../lib/fallback-cause.ts';
import type { ModelPrice, ServiceTier, UsageKinds } from './model-price.ts';

/** Whose language an upstream speaks. */
export type ProviderName = 'openai' | 'anthropic';

/** What a request to a model wants done; `count_tokens` uses nothing, of `other` only the model is known. */
export type Operation =
  | 'chat'
  | 'completions'
  | 'responses'
  | 'messages'
  | 'count_tokens'
  | 'embeddings'
  | 'embed'
  | 'models'
  | 'moderations'
  | 'rerank'
  | 'images'
  | 'audio'
  | 'other';

/** A model as this gateway knows it: an entry of the catalogue, or a bare name where there is no catalogue. */
export interface Model {
  /** What clients call it; empty where the request named none and whoever answers it chooses. */
  readonly name: string;
  /** What the upstream calls it. */
  readonly upstreamName: string;
  readonly price: ModelPrice | undefined;
  readonly maxOutputTokens: number | undefined;
  /** Has no price, and is therefore not for callers who are held to an amount of money. */
  readonly isDeniedUnderBudget?: boolean;
  /** The provider's own figure of the cost of an answer goes before `price`. */
  readonly takesToldCost?: boolean;
  /** Whole answers say in a header what they cost. */
  readonly tellsCost?: boolean;
  /** What its fallbacks are asked for; `undefined` for the usual causes. */
  readonly fallbackOn?: readonly FallbackCause[] | undefined;
  /** Stands in the configuration. Other names come from clients and must not become metric labels. */
  readonly isListed: boolean;
}

/** Tokens of one answer. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Not told by the upstream but worked out from sizes. */
  readonly isEstimated: boolean;
  /** Parts of both that have prices of their own, and what is counted in other things than tokens. */
  readonly kinds?: UsageKinds | undefined;
  readonly serviceTier?: ServiceTier | undefined;
  /** What the provider says it cost, in nano-dollars, where the configuration takes its word. */
  readonly toldNanoUsd?: number | undefined;
}

/** An attempt that brought nothing and may have been billed all the same. */
interface LostAttempt {
  readonly model: Model;
  readonly usage: TokenUsage;
}

/** Where one top-level field stands in the bytes of a body; offsets count from its first byte. */
export interface FieldSpan {
  /** As a reader of the JSON sees it, escapes resolved. */
  readonly key: string;
  /** Behind the `{` or `,` before the field. */
  readonly from: number;
  readonly valueFrom: number;
  readonly valueTo: number;
  /** At the `,` or `}` behind the field. */
  readonly to: number;
}

/** Where the name of the model stands in a form, or where a part for it can be put. */
export interface FormPlace {
  readonly from: number;
  readonly to: number;
  /** What stands before and behind the name where it is put in; empty where it replaces another. */
  readonly before: string;
  readonly behind: string;
}

/** A body that was read strictly: a JSON object without duplicate top-level keys. */
export interface ParsedBody {
  /** As the client sent it. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Its fields in the order in which they stand. */
  readonly spans: readonly FieldSpan[];
}

/**
 * One request to a model: what was asked for, who is asked, and what it came to. `exchange.body.bytes` are the bytes it
 * came in; `editBody(bytes, call, edits)` of `llm/body` makes those that a provider is sent.
 */
export interface ModelCall extends ParsedBody {
  readonly operation: Operation;
  /** Where providers of the language of the operation take it, behind their base path: `/chat/completions`. */
  readonly path: string;
  /** The query of the client's address, with its `?`, without names of models; empty for none. */
  readonly query: string;
  /** Where the model stands in a body that is a form; `undefined` for JSON. */
  readonly form?: FormPlace | undefined;
  /** Further top-level fields to set, or to take out (`undefined`), before the body is sent. */
  readonly edits: Readonly<Record<string, unknown>>;
  /** Models that tools of the request may ask, whatever answers it. */
  readonly ofTools: readonly Model[];
  /** The answer is wanted as an event stream, whether the body says so or the path did. */
  readonly isStream: boolean;
  /** The client itself asked for the usage of a stream; otherwise what is asked for on its behalf stays hidden from it. */
  readonly wantsStreamUsage: boolean;
  /** Who may answer, in order: the model asked for, then its fallbacks that the caller may use. Never empty. */
  readonly candidates: readonly Model[];
  /** Before the call: bytes of the prompt ÷ 4. */
  readonly estimatedInputTokens: number;
  /** The most output the answer may have: what the client asked for, else the model's bound, else 1,024; times `n`. */
  readonly maxOutputTokens: number;
  /** What the request itself says of things that are paid for beside tokens; `undefined` for nothing. */
  readonly assumedKinds?: UsageKinds | undefined;
  /** How fast the answer is asked for. */
  readonly serviceTier?: ServiceTier | undefined;
  /** The one being asked now, or the one that answered. Moved along the candidates by whoever calls the upstream. */
  model: Model;
  /**
   * What the answer has used so far, from its beginning on; final when the exchange is settled. `undefined` when nothing
   * was used.
   */
  usage: TokenUsage | undefined;
  readonly lost: LostAttempt[];
  /** The request as last written for a provider. */
  prepared?: PreparedCall;
}

/** What a provider is sent for a model; kept for further attempts. */
interface PreparedCall {
  readonly provider: ProviderName;
  readonly model: Model;
  readonly request: { readonly path: string; readonly body: Buffer | LateBody | undefined };
}

/** A body that is written when it is first asked for, or before that in short steps. */
export interface LateBody {
  readonly bytes: Buffer;
  write(turns: Turns): Promise<void>;
  toString(): string;
}

/** Whether an answer to this costs anything at all. */
export function usesTokens(operation: Operation): boolean {
  return operation !== 'models' && operation !== 'count_tokens';
}

/** For a call whose client left before its answer began: how far the model had got is unknown, that it read is assumed. */
export function usageOfUnanswered(call: ModelCall): TokenUsage | undefined {
  const { operation, estimatedInputTokens, assumedKinds } = call;
  if (!usesTokens(operation)) return undefined;
  return { inputTokens: estimatedInputTokens, outputTokens: 0, isEstimated: true, kinds: assumedKinds };
}
