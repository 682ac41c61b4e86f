import type { Operation, ProviderName } from '../../exchange/model-call.ts';
import { hasMember } from './json-peek.ts';

/** What an event of one model API may tell. Texts are whole events, latin1. */
export interface StreamShape {
  /** Members that carry output, in their quotes, the likeliest first. */
  readonly textNames: readonly string[];
  /** What this event holds under that name are figures, and no words of the client's that are repeated. */
  readonly tellsUsage: (event: string) => boolean;
  /** The figures in this event are the last ones. */
  readonly hasFinalUsage: (event: string) => boolean;
  /** From here on the answer is whole, whatever may still be missing. */
  readonly isLast: (event: string) => boolean;
  /** The upstream reports that it cannot go on. */
  readonly isError: (event: string) => boolean;
}

const ERROR_FIRST = /^data:\s*\{\s*"error"\s*:\s*[{"]/m;
const DONE = /^data:\s*\[DONE\]/m;

/** https://platform.openai.com/docs/api-reference/chat-streaming, and the older completions. */
const CHAT: StreamShape = {
  textNames: ['"content"', '"text"', '"arguments"', '"reasoning_content"', '"reasoning"', '"refusal"'],
  tellsUsage: () => true,
  hasFinalUsage: () => true,
  isLast: (event) => hasText(event, '"finish_reason"') || (event.includes('[DONE]') && DONE.test(event)),
  isError: (event) => isErrorEvent(event) || (event.includes('"error"') && ERROR_FIRST.test(event)),
};

/**
 * https://platform.openai.com/docs/api-reference/responses-streaming. Its first events repeat the request, where a tool
 * may have a field `usage`: whoever leaves then must not be believed to have used nothing.
 */
const RESPONSES: StreamShape = {
  textNames: ['"delta"'],
  tellsUsage: (event) => RESPONSES.isLast(event) || hasType(event, 'response.failed'),
  hasFinalUsage: () => true,
  isLast: (event) => hasType(event, 'response.completed') || hasType(event, 'response.incomplete'),
  isError: (event) => isErrorEvent(event) || hasType(event, 'response.failed'),
};

/** https://docs.anthropic.com/en/api/messages-streaming */
const MESSAGES: StreamShape = {
  textNames: ['"text"', '"partial_json"', '"thinking"'],
  tellsUsage: (event) => hasType(event, 'message_start') || hasType(event, 'message_delta'),
  hasFinalUsage: (event) => hasType(event, 'message_delta'),
  isLast: (event) => hasMember(event, '"stop_reason"', '"') || hasType(event, 'message_stop'),
  isError: isErrorEvent,
};

const BY_OPERATION: { readonly [O in Operation]?: StreamShape } = {
  chat: CHAT,
  completions: CHAT,
  responses: RESPONSES,
  messages: MESSAGES,
};

/** How the upstream streams; `undefined` when that is not known. An answer that needs translation is of the provider's own API. */
export function streamShape(
  provider: ProviderName,
  operation: Operation,
  isTranslated: boolean,
): StreamShape | undefined {
  if (!isTranslated) return BY_OPERATION[operation];
  return provider === 'anthropic' ? MESSAGES : CHAT;
}

function isErrorEvent(event: string): boolean {
  return event.startsWith('event: error') || event.startsWith('event:error') || hasMember(event, '"type"', '"error"');
}

/** Some servers write an empty text where others write `null`. */
function hasText(event: string, member: string): boolean {
  return hasMember(event, member, '"') && !hasMember(event, member, '""');
}

function hasType(event: string, type: string): boolean {
  return event.includes(type) && (event.startsWith(`event: ${type}`) || hasMember(event, '"type"', `"${type}"`));
}
