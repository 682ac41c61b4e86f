// A chat service in OpenAI's and Anthropic's shapes that repeats its input, and misbehaves on request (faults.ts).
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { answerEmbeddings } from '../embeddings/openai-shape.ts';
import { type ListenOptions, listen, type RunningService, readJsonObject } from '../http-service.ts';
import { runAlone } from '../run-alone.ts';
import { type Answer, errorAnswer, jsonAnswer, sendAnswer } from './answer.ts';
import { answerChat, answerCompletion } from './chat.ts';
import { applyFault } from './faults.ts';
import { answerMessages, messagesError } from './messages.ts';
import { answerResponses } from './responses.ts';

interface LlmOptions extends ListenOptions {
  /** Milliseconds between two tokens of a stream; default 0. */
  tokenDelayMs?: number;
  /** When given, every request needs `Authorization: Bearer <apiKey>`, or `x-api-key` for /v1/messages. */
  apiKey?: string;
}

const models = ['gpt-4o-mini', 'gpt-4', 'gpt-3.5-turbo', 'llama-2', 'mistral', 'text-embedding-3-small'];

/**
 * Answers POST /v1/chat/completions, /v1/completions, /v1/responses and /v1/messages (JSON, or events with
 * `stream: true`), /v1/embeddings, GET /v1/models and /v1/models/{id}. Any model name is accepted; the text, its tokens and the ids
 * depend on the request alone.
 */
export function startLlm({ tokenDelayMs = 0, apiKey, ...options }: LlmOptions): Promise<RunningService> {
  return listen((req, res) => {
    answer(req, apiKey)
      .then((answered) => sendAnswer(res, { pieceDelayMs: delayOf(answered, tokenDelayMs), ...answered }))
      .catch(() => res.destroy());
  }, options);
}

function delayOf({ headers }: Answer, tokenDelayMs: number): number {
  return headers['content-type']?.startsWith('text/event-stream') ? tokenDelayMs : 0;
}

async function answer(req: IncomingMessage, apiKey: string | undefined): Promise<Answer> {
  const path = (req.url ?? '').split('?')[0] ?? '';
  const api = path === '/v1/messages' ? anthropicApi : openaiApi;
  const key = api.keyOf(req.headers);
  if (apiKey !== undefined && key !== apiKey) {
    return api.refuse(401, `Incorrect API key provided: ${key}.`, 'invalid_request_error', 'invalid_api_key');
  }
  if (req.method === 'GET' && /^\/v1\/models(\/|$)/.test(path)) return answerModels(path);
  const operation = req.method === 'POST' ? operations[path] : undefined;
  if (operation === undefined) return errorAnswer(404, `Unknown request URL: ${req.method} ${path}.`);
  if (api === anthropicApi && req.headers['anthropic-version'] === undefined) {
    return api.refuse(400, 'anthropic-version: header is required');
  }
  const body = await readJsonObject(req);
  if (body === undefined) return api.refuse(400, 'The body is not a JSON object.');
  const model = typeof body['model'] === 'string' ? body['model'] : '';
  if (model === '') return api.refuse(400, 'You must provide a model parameter.');
  const header = req.headers['x-fault']?.toString();
  return applyFault(operation(body, model), { header, model, key, refuse: api.refuse });
}

/** What differs between the two APIs before anything is answered. */
interface Api {
  keyOf: (headers: IncomingHttpHeaders) => string;
  refuse: (status: number, message: string, type?: string, code?: string) => Answer;
}

const openaiApi: Api = {
  keyOf: ({ authorization = '' }) => authorization.replace(/^Bearer /, ''),
  refuse: errorAnswer,
};

const anthropicApi: Api = {
  keyOf: (headers) => headers['x-api-key']?.toString() ?? openaiApi.keyOf(headers),
  refuse: messagesError,
};

const operations: Record<string, (body: Record<string, unknown>, model: string) => Answer> = {
  '/v1/chat/completions': answerChat,
  '/v1/completions': answerCompletion,
  '/v1/responses': answerResponses,
  '/v1/messages': answerMessages,
  '/v1/embeddings': (body, model) => {
    const list = answerEmbeddings(body, model);
    return list === undefined ? errorAnswer(400, "'input' must be a text or a list.") : jsonAnswer(200, list);
  },
};

function answerModels(path: string): Answer {
  if (path === '/v1/models') return jsonAnswer(200, { object: 'list', data: models.map(describeModel) });
  const id = decodeURIComponent(path.replace(/^\/v1\/models\//, ''));
  if (models.includes(id)) return jsonAnswer(200, describeModel(id));
  return errorAnswer(404, `The model '${id}' does not exist`, 'invalid_request_error', 'model_not_found');
}

function describeModel(id: string): object {
  return { id, object: 'model', created: 1_735_689_600, owned_by: 'sample' };
}

if (import.meta.main) await runAlone('llm', startLlm, 5003);
