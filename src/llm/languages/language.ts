import type { ModelCall } from '../../exchange/model-call.ts';
import type { Answer } from '../conversation/answer.ts';
import type { AnswerReader } from '../conversation/answer-reader.ts';
import type { AnswerSink } from '../conversation/answer-sink.ts';
import type { Failure } from '../conversation/failure.ts';
import type { ModelRequest } from '../conversation/model-request.ts';
import type { JsonObject } from '../json.ts';

/**
 * One API of text models, read and written in the words of `conversation/`. A request is read from a client and written
 * for an upstream, an answer the other way round. Whatever a reader or writer of requests cannot carry it refuses with a
 * `GatewayError` (VALIDATION_ERROR, VALUE_ERROR) that names the field, or decision 0055 lists it as a loss.
 */
export interface Language {
  /** Where its requests go, behind the base path of a target. */
  readonly path: string;
  /** Only this much of the call is known when a request is read. */
  readRequest(body: JsonObject): ModelRequest;
  /** For `call.model`. */
  writeRequest(request: ModelRequest, call: ModelCall): JsonObject;
  /** Throws `GatewayError` (UPSTREAM_INVALID_RESPONSE) for what is not an answer of this API. */
  readAnswer(body: JsonObject): Answer;
  writeAnswer(answer: Answer, call: ModelCall): JsonObject;
  /** Reads one stream, event by event. */
  readEvents(sink: AnswerSink): AnswerReader;
  /** Writes one stream; `push` takes whole events. */
  writeEvents(call: ModelCall, push: (events: string) => void): AnswerSink;
  writeFailure(status: number, failure: Failure): WrittenFailure;
}

/** An error of the upstream as the client's own API reports it. */
export interface WrittenFailure {
  readonly status: number;
  readonly body: JsonObject;
}
