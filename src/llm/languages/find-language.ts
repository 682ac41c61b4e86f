import type { Operation } from '../../exchange/model-call.ts';
import { chat } from './chat/chat.ts';
import type { Language } from './language.ts';
import { messages } from './messages/messages.ts';
import { responses } from './responses/responses.ts';

const LANGUAGES: { readonly [O in Operation]?: Language } = { chat, messages, responses };

/** The language in which an operation is asked and answered; `undefined` for one that is never translated. */
export function languageOf(operation: Operation): Language | undefined {
  return LANGUAGES[operation];
}
