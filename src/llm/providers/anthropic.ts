import type { ModelCall } from '../../exchange/model-call.ts';
import { editBody } from '../body/edit-body.ts';
import { languageOf } from '../languages/find-language.ts';
import { LanguageTranslation, translateRequest } from '../languages/language-translation.ts';
import type { Language } from '../languages/language.ts';
import { messages } from '../languages/messages/messages.ts';
import { notServed } from '../refusals.ts';
import { ownModel } from './own-model.ts';
import type { ClientRequest, Provider, ProviderRequest } from './provider.ts';

/** What the API has, the older text completions left out. */
const PATHS = /^\/(?:messages|models|files|skills)(?:[/?]|$)/;

/** Anthropic's API, version 2023-06-01: passes the Messages API on, and serves OpenAI's languages in translation. */
export const anthropic: Provider = {
  name: 'anthropic',
  requiredHeaders: ['anthropic-version', '2023-06-01'],
  credential: (apiKey) => ({ name: 'x-api-key', value: apiKey }),
  pathOf: ({ operation, path }) => (foreign(operation) ? messages.path : PATHS.test(path) ? path : undefined),
  serves: (path) => PATHS.test(path),

  request(call: ModelCall, client: ClientRequest): ProviderRequest {
    const language = foreign(call.operation);
    if (language) return { path: messages.path, body: translateRequest(call, language, messages) };
    if (!PATHS.test(client.path)) throw notServed(client.path, call.model.name);
    if (!client.bytes) return { path: client.path, body: undefined };
    const edits = call.isStream ? { ...ownModel(call), stream: true } : ownModel(call);
    return { path: client.path, body: editBody(client.bytes, call, edits) };
  },

  translation(call) {
    const language = foreign(call.operation);
    return language && new LanguageTranslation(call, language, messages);
  },
};

/** The language of a client that does not speak Anthropic's. */
function foreign(operation: ModelCall['operation']): Language | undefined {
  const language = languageOf(operation);
  return language === messages ? undefined : language;
}
