import { ERROR_CATALOG, type ErrorCode } from '../../errors/catalog.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import { countAt, isObject, objectAt, objectsAt, parseObject, textAt, toBytes } from '../json.ts';
import { JsonBody } from '../json-body.ts';
import { ownModel } from './own-model.ts';
import type { AnswerTranslation, TranslatedFailure } from './provider.ts';
import { misunderstood } from '../refusals.ts';

/** `{ input_text }`, which is one text, as a request for embeddings. The body has been checked. */
export function embedToEmbeddings(call: ModelCall): JsonBody {
  return new JsonBody({ ...ownModel(call), input: call.body['input_text'] });
}

/** The one vector of a list of embeddings, with its model and usage. */
export const EMBED: AnswerTranslation = {
  whole: embeddingsToEmbed,
  failure: failureToEmbed,
  stream: noStream,
  wholeFromStream: noStream,
  streamFromWhole: embeddingsToEmbed,
};

function noStream(): never {
  throw misunderstood('an event stream in answer to a request for embeddings');
}

function embeddingsToEmbed(body: Buffer): Buffer {
  const answer = parseObject(body.toString());
  const embedding = objectsAt(answer ?? {}, 'data')[0]?.['embedding'];
  if (!answer || !Array.isArray(embedding)) throw misunderstood('the answer is not a list of embeddings');
  const usage = objectAt(answer, 'usage');
  const prompt = countAt(usage, 'prompt_tokens');
  const total = countAt(usage, 'total_tokens') || prompt;
  return toBytes({ embedding, model: answer['model'], usage: { prompt_tokens: prompt, total_tokens: total } });
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'VALIDATION_ERROR',
  404: 'MODEL_NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  422: 'VALUE_ERROR',
  429: 'RATE_LIMIT_EXCEEDED',
};

/** An error in the manner of OpenAI, or told without the object around it, as this operation tells its own. */
function failureToEmbed(status: number, body: Buffer): TranslatedFailure {
  const answer = parseObject(body.toString()) ?? {};
  const error = isObject(answer['error']) ? objectAt(answer, 'error') : answer;
  const code = CODES[status] ?? 'UPSTREAM_ERROR';
  const told = textAt(error, 'message') || textAt(error, 'detail');
  const detail = told || `The upstream answered with status ${status}.`;
  return { status, body: toBytes({ error: ERROR_CATALOG[code].title, detail, code }) };
}
