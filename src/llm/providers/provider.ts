import type { Rejection } from '../../errors/rejection.ts';
import type { BodyFilter } from '../../exchange/body-filter.ts';
import type { LateBody, ModelCall, ProviderName } from '../../exchange/model-call.ts';
import type { RequestedOperation } from '../operation.ts';

/** The client's request to a model as far as a provider needs it beside the `ModelCall`. */
export interface ClientRequest {
  /** What follows the target's base path when nothing is translated: starts with a slash, query included. */
  readonly path: string;
  /** The body as it came; `undefined` for a request without one. */
  readonly bytes: Buffer | undefined;
}

/** The same request in the upstream's language. */
export interface ProviderRequest {
  /** What follows the target's base path: `/chat/completions`, `/messages`; query included. */
  readonly path: string;
  /** The client's own buffer when nothing had to change. */
  readonly body: Buffer | LateBody | undefined;
}

/** One kind of model API. Stateless: one object serves all requests of a process. */
export interface Provider {
  readonly name: ProviderName;
  /** For `call.model`. Throws `GatewayError` (VALIDATION_ERROR, VALUE_ERROR, NOT_FOUND) when it cannot be expressed. */
  request(call: ModelCall, client: ClientRequest): ProviderRequest;
  /** Where a request of the client ends up, behind the target's base path; `undefined` where its API has nothing for it. */
  pathOf(asked: Pick<RequestedOperation, 'operation' | 'path'>): string | undefined;
  /** True where its API has this path, so that what is not translated can be passed on. */
  serves(path: string): boolean;
  /** How its answers become the client's; `undefined` when they pass as they are. Made once per answer. */
  translation(call: ModelCall): AnswerTranslation | undefined;
  /** The header line, its name lower-case, that carries the key. */
  credential(apiKey: string): { readonly name: string; readonly value: string };
  /** Lines without which it refuses a request: name, value, … with lower-case names; a client's own lines win. */
  readonly requiredHeaders: readonly string[];
}

/** Turns one answer of an upstream into the language of the client. What it returns is JSON or an event stream. */
export interface AnswerTranslation {
  /** A body with a status below 300. Throws `GatewayError` (UPSTREAM_INVALID_RESPONSE) when it is not understood. */
  whole(body: Buffer): Buffer;
  /** The same for an upstream that sent an event stream to a client that asked for none. */
  wholeFromStream(body: Buffer): Buffer;
  /** An event stream for a client that asked for one, of an upstream that sent none. */
  streamFromWhole(body: Buffer): Buffer;
  /** A body with a status of 400 or more, whatever it holds: its message and kind survive. Never throws. */
  failure(status: number, body: Buffer): TranslatedFailure;
  /** For an event stream with a status below 300. */
  stream(): StreamTranslation;
}

/** An error of the upstream as the client's own API would have told it; the body is JSON. */
export interface TranslatedFailure {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * Passes events on in the client's language. When the upstream breaks its own rules or reports an error, nothing more
 * is passed and `isWhole` stays false.
 */
export interface StreamTranslation extends BodyFilter {
  /** What the upstream reported inside its stream, or what was wrong with it: for the one error event at the end. */
  readonly failure: Rejection | undefined;
}
