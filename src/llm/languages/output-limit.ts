import type { ModelCall } from '../../exchange/model-call.ts';

/** Tokens the answer may have: what the call is held to, and no more than the model that is asked now can give. */
export function outputLimit({ maxOutputTokens, model }: ModelCall): number {
  return Math.min(maxOutputTokens, model.maxOutputTokens ?? maxOutputTokens);
}
