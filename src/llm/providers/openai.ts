import type { ModelCall, Operation } from '../../exchange/model-call.ts';
import { editBody, type BodyEdits } from '../body/edit-body.ts';
import { EMBED, embedToEmbeddings } from './embed-to-embeddings.ts';
import { isObject } from '../json.ts';
import { chat } from '../languages/chat/chat.ts';
import { LanguageTranslation, translateRequest } from '../languages/language-translation.ts';
import { messages } from '../languages/messages/messages.ts';
import { notServed } from '../refusals.ts';
import { ownModel } from './own-model.ts';
import type { ClientRequest, Provider, ProviderRequest } from './provider.ts';

/**
 * OpenAI's API and everything that speaks it: passes on what was sent, and serves the Messages API and embeddings of one
 * text in translation.
 */
export const openai: Provider = {
  name: 'openai',
  requiredHeaders: [],
  credential: (apiKey) => ({ name: 'authorization', value: `Bearer ${apiKey}` }),
  pathOf: ({ operation, path }) => (operation === 'count_tokens' ? undefined : (TRANSLATED[operation] ?? path)),
  serves: () => true,

  request(call: ModelCall, client: ClientRequest): ProviderRequest {
    if (call.operation === 'messages') return { path: chat.path, body: translateRequest(call, messages, chat) };
    if (call.operation === 'embed') return { path: TRANSLATED.embed, body: embedToEmbeddings(call) };
    if (call.operation === 'count_tokens') throw notServed(client.path, call.model.name);
    if (!client.bytes) return { path: client.path, body: undefined };
    return { path: client.path, body: editBody(client.bytes, call, editsFor(call)) };
  },

  translation(call) {
    if (call.operation === 'embed') return EMBED;
    return call.operation === 'messages' ? new LanguageTranslation(call, messages, chat) : undefined;
  },
};

const TRANSLATED: { readonly [O in Operation]?: string } & Record<'embed', string> = {
  messages: chat.path,
  embed: '/embeddings',
};

function editsFor(call: ModelCall): BodyEdits {
  const model = ownModel(call);
  if (!call.isStream) return model;
  return { ...model, stream: true, ...streamOptions(call) };
}

/** What a stream used is told only where it is asked for. */
function streamOptions({ operation, wantsStreamUsage, body }: ModelCall): BodyEdits {
  if (wantsStreamUsage || (operation !== 'chat' && operation !== 'completions')) return {};
  const { stream_options: own } = body;
  return { stream_options: { ...(isObject(own) ? own : {}), include_usage: true } };
}
