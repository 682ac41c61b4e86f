// An inference service of made-up but repeatable embeddings.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ListenOptions, listen, type RunningService, readJsonObject, sendJson } from '../http-service.ts';
import { runAlone } from '../run-alone.ts';
import { countTokens } from '../tokens.ts';
import { answerEmbeddings, defaultDimensions } from './openai-shape.ts';
import { embed } from './vector.ts';

const model = 'sentence-transformers/all-mpnet-base-v2';

/**
 * Answers POST /embeddings in OpenAI's shape, POST /embed (`{ input_text }` → `{ embedding, model, usage }`), both also
 * under /v1, and GET /health. Vectors have 768 dimensions and length 1.
 */
export function startEmbeddings(options: ListenOptions): Promise<RunningService> {
  const work = { inFlight: 0 };
  return listen((req, res) => {
    work.inFlight += 1;
    res.once('close', () => (work.inFlight -= 1));
    answer(work, req, res).catch(() => res.destroy());
  }, options);
}

async function answer(work: { inFlight: number }, req: IncomingMessage, res: ServerResponse): Promise<void> {
  switch (`${req.method} ${req.url?.split('?')[0]}`) {
    case 'GET /health':
      // The probe itself is not a batch.
      sendJson(res, 200, health(work.inFlight - 1));
      return;
    case 'POST /embed':
    case 'POST /v1/embed':
      answerEmbed(await readJsonObject(req), res);
      return;
    case 'POST /embeddings':
    case 'POST /v1/embeddings':
      answerOpenAi(await readJsonObject(req), res);
      return;
    default:
      sendJson(res, 404, { error: 'Not found', detail: 'No such path.', code: 'NOT_FOUND' });
  }
}

function health(inflight: number): object {
  return { status: 'healthy', model, device: 'cpu', queue_size: 0, inflight_batches: inflight };
}

function answerEmbed(body: Record<string, unknown> | undefined, res: ServerResponse): void {
  const text = body?.['input_text'];
  if (typeof text !== 'string' || text === '') {
    const detail = 'input_text: a text of at least one character is needed';
    sendJson(res, 422, { error: 'Invalid request', detail, code: 'VALIDATION_ERROR' });
    return;
  }
  const tokens = countTokens(text);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  sendJson(res, 200, { embedding: embed(text, defaultDimensions), model, usage });
}

function answerOpenAi(body: Record<string, unknown> | undefined, res: ServerResponse): void {
  const list = body && answerEmbeddings(body, model);
  if (list === undefined) {
    const message = "'input' must be a text, a list of texts, or tokens.";
    sendJson(res, 400, { error: { message, type: 'invalid_request_error', param: 'input', code: null } });
    return;
  }
  sendJson(res, 200, list);
}

if (import.meta.main) await runAlone('embeddings', startEmbeddings, 8001);
