import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { type ModelCall, type Operation, type ProviderName, usesTokens } from '../exchange/model-call.ts';
import { SecretMask } from '../exchange/secret-mask.ts';
import { decodeBody } from './decode-body.ts';
import { envelopeOf } from './envelope.ts';
import { parseJson } from './json.ts';
import { languageOf } from './languages/find-language.ts';
import { LanguageTranslation } from './languages/language-translation.ts';
import { findProvider } from './providers/find-provider.ts';
import type { AnswerTranslation } from './providers/provider.ts';
import { StreamMeter } from './stream/stream-meter.ts';
import { streamShape } from './stream/stream-shape.ts';
import { UsageMeter } from './stream/usage-meter.ts';
import { CompressedMeter, readUsage, WholeMeter } from './stream/whole-meter.ts';

/** The head of an upstream's answer to a model call. */
interface AnswerHead {
  readonly status: number;
  /** name, value, name, value … as received. */
  readonly headers: readonly string[];
  readonly target: { readonly provider: ProviderName; readonly credential?: { readonly value: string } | undefined };
}

/** How an answer reaches the client. */
export interface Relay {
  /** Those of the upstream's header lines that still hold. */
  readonly headers: readonly string[];
  /** Set where the body must be had whole first. May throw `GatewayError`. */
  readonly reshape: ((body: Buffer) => ReshapedAnswer) | undefined;
}

interface ReshapedAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** What a header says of bytes, where the client gets others. */
const ABOUT_BYTES = new Set([
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
]);
const ABOUT_LENGTH = new Set(['content-length']);

/**
 * Decides how the answer to a model call reaches the client, and begins to count what it uses. Where the client speaks
 * the upstream's language the bytes pass as they are, through filters that this puts on the exchange.
 */
export function relayAnswer(exchange: Exchange, call: ModelCall, answer: AnswerHead): Relay {
  const translation = findProvider(answer.target.provider).translation(call);
  if (answer.status >= 300) return relayFailure(answer, translation);
  const relaying = { call, answer, translation, usage: meterFor(call) };
  const kind = kindOf(call, answer);
  const isEnveloped = exchange.route?.dialect === 'envelope';
  if (kind === 'stream') return call.isStream || isEnveloped ? relayStream(exchange, relaying) : gatherStream(relaying);
  if (kind === 'json' && call.isStream && !isEnveloped) return spreadWhole(exchange, relaying);
  if (!translation && !isEnveloped)
    return call.model.tellsCost && isShort(answer)
      ? gatherWhole(answer, relaying.usage)
      : passWhole(exchange, answer, relaying.usage);
  return {
    headers: jsonHead(answer),
    reshape: (received) => {
      const body = decoded(answer, received);
      readUsage(relaying.usage, body.toString('latin1'));
      const translated = translation ? translation.whole(body) : body;
      return { status: answer.status, body: isEnveloped ? enveloped(exchange, call, translated) : translated };
    },
  };
}

const EVENT_STREAM = /^\s*text\/event-stream\s*(?:;|$)/i;
const JSON_TYPE = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** What the body is. Some upstreams give an event stream another media type, or none. */
function kindOf({ isStream }: ModelCall, answer: AnswerHead): 'stream' | 'json' | 'other' {
  const type = valueOf(answer, 'content-type');
  if (EVENT_STREAM.test(type)) return 'stream';
  if (JSON_TYPE.test(type)) return 'json';
  return isStream ? 'stream' : 'other';
}

/** An upstream that streams to a client that did not ask for it: the whole answer is made of the stream. */
function gatherStream({ call, answer, translation, usage }: Relaying): Relay {
  const reader = translation ?? sameLanguage(call);
  if (!reader) return { headers: answer.headers, reshape: undefined };
  return {
    headers: jsonHead(answer),
    reshape: (received) => {
      const body = reader.wholeFromStream(decoded(answer, received));
      readUsage(usage, body.toString('latin1'));
      return { status: answer.status, body };
    },
  };
}

/** An upstream that answers whole although a stream was asked for: the stream is made of the answer. */
function spreadWhole(exchange: Exchange, { call, answer, translation, usage }: Relaying): Relay {
  const reader = translation ?? sameLanguage(call);
  if (!reader) return passWhole(exchange, answer, usage);
  return {
    headers: [...without(answer.headers, ABOUT_BYTES), 'Content-Type', 'text/event-stream'],
    reshape: (received) => {
      const body = decoded(answer, received);
      readUsage(usage, body.toString('latin1'));
      return { status: answer.status, body: reader.streamFromWhole(body) };
    },
  };
}

function sameLanguage(call: ModelCall): AnswerTranslation | undefined {
  const language = languageOf(call.operation);
  return language && new LanguageTranslation(call, language, language);
}

/** Nothing is estimated for what is no known operation: it may be anything, a file for one. */
function meterFor(call: ModelCall): UsageMeter {
  const { operation, estimatedInputTokens, maxOutputTokens, assumedKinds, serviceTier, model } = call;
  const usage = new UsageMeter(operation === 'other' ? 0 : estimatedInputTokens, TEXT_OPERATIONS.has(operation), {
    output: isUnseen(call) ? maxOutputTokens : undefined,
    kinds: assumedKinds,
    serviceTier: serviceTier === 'priority' ? serviceTier : undefined,
    takesToldCost: model.takesToldCost,
  });
  if (usesTokens(operation)) call.usage = usage;
  return usage;
}

/** What is made is no text that could be measured, or it is made after the answer. */
function isUnseen({ operation, body }: ModelCall): boolean {
  return operation === 'images' || operation === 'audio' || (operation === 'responses' && body['background'] === true);
}

interface Relaying {
  readonly call: ModelCall;
  readonly answer: AnswerHead;
  readonly translation: AnswerTranslation | undefined;
  readonly usage: UsageMeter;
}

function relayFailure(answer: AnswerHead, translation: AnswerTranslation | undefined): Relay {
  if (!translation || answer.status < 400) return { headers: answer.headers, reshape: undefined };
  return {
    headers: jsonHead(answer),
    reshape: (body) => translation.failure(answer.status, decodeBody(body, codingOf(answer)) ?? body),
  };
}

function relayStream(exchange: Exchange, { call, answer, translation, usage }: Relaying): Relay {
  const coding = codingOf(answer);
  if (coding !== '') {
    if (translation) throw notReadable(`an event stream with Content-Encoding ${coding}`);
    exchange.filterBody(new CompressedMeter(usage, coding));
    return { headers: answer.headers, reshape: undefined };
  }
  const shape = streamShape(answer.target.provider, call.operation, translation !== undefined);
  const hidesUsage = !translation && !call.wantsStreamUsage && TELLS_USAGE_WHEN_ASKED.has(call.operation);
  if (shape) exchange.filterBody(new StreamMeter(usage, shape, hidesUsage));
  if (translation) translateStream(exchange, answer, translation);
  const isChanged = translation !== undefined || hidesUsage;
  return { headers: streamHead(answer, isChanged), reshape: undefined };
}

/** Clients know a stream by its media type, in whatever case the upstream writes it. */
function streamHead(answer: AnswerHead, isChanged: boolean): readonly string[] {
  const isLabelled = EVENT_STREAM.test(valueOf(answer, 'content-type'));
  if (isLabelled) return isChanged ? without(answer.headers, ABOUT_LENGTH) : answer.headers;
  return [...without(answer.headers, ABOUT_BYTES), 'Content-Type', 'text/event-stream'];
}

/** An error inside the stream is told in words of the upstream, which may quote the key it was given. */
function translateStream(exchange: Exchange, { target }: AnswerHead, translation: AnswerTranslation): void {
  const mask = target.credential && SecretMask.of(target.credential.value);
  if (mask) exchange.filterBody(mask);
  exchange.filterBody(translation.stream());
}

const TEXT_OPERATIONS: ReadonlySet<Operation> = new Set<Operation>(['chat', 'completions', 'responses', 'messages']);

/** The gateway asks these for usage on the client's behalf. */
const TELLS_USAGE_WHEN_ASKED: ReadonlySet<Operation> = new Set<Operation>(['chat', 'completions']);

function passWhole(exchange: Exchange, answer: AnswerHead, usage: UsageMeter): Relay {
  const coding = codingOf(answer);
  exchange.filterBody(coding === '' ? new WholeMeter(usage) : new CompressedMeter(usage, coding));
  return { headers: answer.headers, reshape: undefined };
}

/** The most that is held back so that its head can tell what it costs. */
const MOST_GATHERED_BYTES = 1024 * 1024;

function isShort(answer: AnswerHead): boolean {
  const length = valueOf(answer, 'content-length');
  return length !== '' && Number(length) <= MOST_GATHERED_BYTES;
}

/** The same bytes, once all of them are there. */
function gatherWhole(answer: AnswerHead, usage: UsageMeter): Relay {
  return {
    headers: without(answer.headers, ABOUT_LENGTH),
    reshape: (body) => {
      usage.addText(body.length);
      const coding = codingOf(answer);
      const plain = coding === '' ? body : decodeBody(body, coding);
      if (plain) readUsage(usage, plain.toString('latin1'));
      return { status: answer.status, body };
    },
  };
}

/** An answer that is none of a text model, a list of models for one, stays what it is. */
function enveloped(exchange: Exchange, call: ModelCall, body: Buffer): Buffer {
  const answer = parseJson(body.toString());
  if (answer === undefined) throw notReadable('a success that is not JSON, or has names that are too long');
  const envelope = envelopeOf(exchange, call, answer);
  return envelope === undefined ? body : Buffer.from(envelope);
}

function decoded(answer: AnswerHead, body: Buffer): Buffer {
  const coding = codingOf(answer);
  if (coding === '') return body;
  const plain = decodeBody(body, coding);
  if (!plain) throw notReadable(`a body that is no valid ${coding}, or too large`);
  return plain;
}

function notReadable(internal: string): GatewayError {
  const detail = 'The upstream sent an answer that cannot be read.';
  return new GatewayError(
    new Rejection('UPSTREAM_INVALID_RESPONSE', detail, { internal: `upstream sent ${internal}` }),
  );
}

function codingOf(answer: AnswerHead): string {
  const coding = valueOf(answer, 'content-encoding').trim().toLowerCase();
  return coding === 'identity' ? '' : coding;
}

/** Of the first line of this lower-case name; empty without one. */
function valueOf({ headers }: AnswerHead, name: string): string {
  for (let i = 0; i < headers.length; i += 2) {
    const given = headers[i] as string;
    if (given.length === name.length && given.toLowerCase() === name) return headers[i + 1] as string;
  }
  return '';
}

function jsonHead({ headers }: AnswerHead): string[] {
  return [...without(headers, ABOUT_BYTES), 'Content-Type', 'application/json'];
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  return headers.filter((_, i) => !names.has((headers[i - (i % 2)] as string).toLowerCase()));
}
