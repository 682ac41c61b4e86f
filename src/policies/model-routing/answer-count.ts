import type { ModelCall } from '../../exchange/model-call.ts';
import { estimateInputTokens } from '../../llm/estimate.ts';
import { findProvider } from '../../llm/providers/find-provider.ts';
import type { Target } from '../../upstream/targets.ts';
import type { Reply } from '../policy.ts';

const HEADERS = ['Content-Type', 'application/json', 'Cache-Control', 'no-store', 'X-Gateway-Estimated', 'true'];

/**
 * Answers `/v1/messages/count_tokens` for a model that no target can count for: by the size of the prompt, and marked as
 * an estimate. `undefined` where a target counts itself.
 */
export function answerCount(call: ModelCall, targets: readonly Target[]): Reply | undefined {
  if (call.operation !== 'count_tokens') return undefined;
  const canCount = targets.some(
    (target) => target.serves(call.model.name) && findProvider(target.provider).pathOf(call) !== undefined,
  );
  if (canCount) return undefined;
  return {
    status: 200,
    headers: HEADERS,
    body: JSON.stringify({ input_tokens: estimateInputTokens('messages', call) }),
  };
}
