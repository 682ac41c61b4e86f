import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { modelInPath, readOperation } from '../../llm/operation.ts';
import type { Reply, Verdict } from '../policy.ts';
import { allowedModels, findAllowed, type ModelRules } from './choose-model.ts';

const HEADERS = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];

/** Nobody knows when a model was made, and clients want a number here. */
const CREATED = 0;

/**
 * Answers `/v1/models` and `/v1/models/<name>` from the catalogue, with no more than the caller may use: in the shape of
 * OpenAI's API, or of Anthropic's to its clients, who always name their version of it. Everything else goes on.
 */
export function answerModels(exchange: Exchange, rules: ModelRules, service: string): Verdict {
  const { edge, plan, principal } = exchange;
  if (!plan || (edge.method !== 'GET' && edge.method !== 'HEAD')) return undefined;
  const { operation, path } = readOperation(plan.pathFor(exchange));
  if (operation !== 'models') return undefined;
  const describe = edge.headers.has('anthropic-version') ? anthropicModel : openaiModel;
  const asked = modelInPath(path);
  if (asked === undefined) {
    const data = allowedModels(principal, rules).map(({ name }) => describe(name, service));
    return reply(describe === openaiModel ? { object: 'list', data } : anthropicPage(data));
  }
  const found = findAllowed(asked, principal, rules);
  return found instanceof Rejection ? found : reply(describe(asked, service));
}

interface ModelInfo {
  readonly id: string;
}

function openaiModel(id: string, service: string): ModelInfo {
  return { id, object: 'model', created: CREATED, owned_by: service } as ModelInfo;
}

function anthropicModel(id: string): ModelInfo {
  return { type: 'model', id, display_name: id, created_at: new Date(CREATED).toISOString() } as ModelInfo;
}

function anthropicPage(data: readonly ModelInfo[]): object {
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

function reply(body: object): Reply {
  return { status: 200, headers: HEADERS, body: JSON.stringify(body) };
}
