import type { ModelCall } from '../../exchange/model-call.ts';
import { editBody } from '../body/edit-body.ts';
import { messageToCompletion } from './openai-client-at-anthropic/answer.ts';
import { failureToOpenai } from './openai-client-at-anthropic/failure.ts';
import { chatToMessages } from './openai-client-at-anthropic/request.ts';
import { MessageStreamToChunks } from './openai-client-at-anthropic/message-events-to-chunks.ts';
import { ownModel } from './own-model.ts';
import type { AnswerTranslation, ClientRequest, Provider, ProviderRequest } from './provider.ts';
import { notServed } from './refusals.ts';

/** What the API has, the older text completions left out. */
const PATHS = /^\/(?:messages|models|files|skills)(?:[/?]|$)/;

const MESSAGES = '/messages';

/** Anthropic's API, version 2023-06-01: passes the Messages API on, and serves chat completions in translation. */
export const anthropic: Provider = {
  name: 'anthropic',
  requiredHeaders: ['anthropic-version', '2023-06-01'],
  credential: (apiKey) => ({ name: 'x-api-key', value: apiKey }),
  pathOf: ({ operation, path }) => (operation === 'chat' ? MESSAGES : PATHS.test(path) ? path : undefined),
  serves: (path) => PATHS.test(path),

  request(call: ModelCall, client: ClientRequest): ProviderRequest {
    if (call.operation === 'chat') return { path: MESSAGES, body: chatToMessages(call) };
    if (!PATHS.test(client.path)) throw notServed(client.path, call.model.name);
    if (!client.bytes) return { path: client.path, body: undefined };
    const edits = call.isStream ? { ...ownModel(call), stream: true } : ownModel(call);
    return { path: client.path, body: editBody(client.bytes, call, edits) };
  },

  translation: (call) => (call.operation === 'chat' ? translationFor(call) : undefined),
};

function translationFor(call: ModelCall): AnswerTranslation {
  return {
    whole: messageToCompletion,
    failure: failureToOpenai,
    stream: () => new MessageStreamToChunks(call),
  };
}
