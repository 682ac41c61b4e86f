import type { JsonObject } from '../json.ts';
import type { CallPart, ReasoningPart, RefusalPart, TextPart } from './answer.ts';

/** Where something is in the request of the client, as errors name it: `messages[2].content[0]`. */
interface Placed {
  readonly at: string;
}

/** A mark of the Messages API after which a prompt may be cached, as it was written. */
interface Cacheable {
  readonly cache?: JsonObject | undefined;
}

interface ImagePart {
  readonly kind: 'image';
  /** An address, or a data: URL in base64. */
  readonly url: string;
  readonly detail: string | undefined;
}

/** A document: `url` is an address or a data: URL in base64. */
interface FilePart {
  readonly kind: 'file';
  readonly url: string;
  readonly name: string;
}

interface AudioPart {
  readonly kind: 'audio';
  readonly data: string;
  readonly format: string;
}

/** What came of a call. */
export interface ResultPart {
  readonly kind: 'result';
  readonly callId: string;
  readonly isError: boolean;
  readonly parts: readonly ContentPart[];
}

/** What a user says or a tool returns. */
export type ContentPart = (TextPart | ImagePart | FilePart | AudioPart) & Placed & Cacheable;

export type RequestPart = ContentPart | ((RefusalPart | ReasoningPart | CallPart | ResultPart) & Placed & Cacheable);

export interface Turn extends Placed {
  readonly role: 'system' | 'user' | 'assistant';
  readonly parts: readonly RequestPart[];
}

/** A function of the client that the model may call. */
export interface Tool extends Cacheable {
  readonly name: string;
  readonly description: string | undefined;
  /** A JSON schema. */
  readonly parameters: JsonObject | undefined;
  readonly isStrict: boolean;
  /** The client takes one text instead of an object; the model writes it as `input`. */
  readonly isFreeform: boolean;
}

export type ToolChoice =
  | { readonly kind: 'auto' | 'none' | 'required' }
  | { readonly kind: 'one'; readonly name: string };

export type OutputFormat =
  | { readonly kind: 'object'; readonly at: string }
  | { readonly kind: 'schema'; readonly name: string; readonly schema: JsonObject; readonly isStrict: boolean };

/** How long the model may think. */
export interface ReasoningWish {
  /** `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. */
  readonly effort: string | undefined;
  /** In tokens. */
  readonly budget: number | undefined;
  /** The client wants to see the thoughts. */
  readonly isShown: boolean;
}

/** What a client asks of a model, in no API's words. */
export interface ModelRequest {
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | undefined;
  /** One call at a time. */
  readonly isSequential: boolean;
  /** What the client itself asked for. */
  readonly maxOutput: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly stop: readonly string[];
  readonly format: OutputFormat | undefined;
  readonly reasoning: ReasoningWish | undefined;
}
