import type { Model, ModelCall } from '../../src/exchange/model-call.ts';

/** A model of the catalogue, without a price. */
export function buildModel(name: string): Model {
  return { name, upstreamName: name, price: undefined, maxOutputTokens: undefined, isListed: true };
}

/** A chat request with a prompt of 100 tokens to the first of these models; the others may answer instead. */
export function buildModelCall(...names: readonly [string, ...string[]]): ModelCall {
  const candidates = names.map(buildModel);
  return {
    operation: 'chat',
    path: '/chat/completions',
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
