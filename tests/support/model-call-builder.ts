import { Rejection } from '../../src/errors/rejection.ts';
import type { Model, ModelCall, Operation } from '../../src/exchange/model-call.ts';
import { parseModelBody } from '../../src/llm/body/parse-body.ts';

/** A model of the catalogue, without a price. */
export function buildModel(name: string, fields: Partial<Model> = {}): Model {
  return { name, upstreamName: name, price: undefined, maxOutputTokens: undefined, isListed: true, ...fields };
}

/** A chat request with a prompt of 100 tokens to the first of these models; the others may answer instead. */
export function buildModelCall(...names: readonly [string, ...string[]]): ModelCall {
  const candidates = names.map((name) => buildModel(name));
  return {
    operation: 'chat',
    path: '/chat/completions',
    query: '',
    edits: {},
    ofTools: [],
    body: {},
    spans: [],
    isStream: false,
    wantsStreamUsage: false,
    candidates,
    estimatedInputTokens: 100,
    maxOutputTokens: 1_024,
    model: candidates[0] as Model,
    usage: undefined,
    lost: [],
  };
}

/** The call for the model `sample` that a body asks for; `bytes` is the body as it stood on the wire. */
export function buildCallOf(
  operation: Operation,
  body: object,
  fields: Partial<ModelCall> = {},
): ModelCall & { readonly bytes: Buffer } {
  const bytes = Buffer.from(JSON.stringify(body));
  const parsed = parseModelBody(bytes);
  if (parsed instanceof Rejection) throw new Error(parsed.detail);
  const isStream = parsed.body['stream'] === true;
  return { ...buildModelCall('sample'), ...parsed, bytes, operation, path: `/${operation}`, isStream, ...fields };
}
