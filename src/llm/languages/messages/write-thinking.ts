import type { ModelRequest } from '../../conversation/model-request.ts';
import type { JsonObject } from '../../json.ts';
import type { ClaudeTraits } from './claude-models.ts';

/** Tokens of thought by effort, where a model takes a budget. It takes none below the first. */
const BUDGETS: Readonly<Record<string, number>> = {
  low: 1_024,
  medium: 4_096,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};
const LEAST_BUDGET = 1_024;
const NONE: ReadonlySet<string | undefined> = new Set(['none', 'minimal']);

interface ThinkingFields {
  readonly thinking: JsonObject | undefined;
  readonly effort: string | undefined;
}

/** How a model is asked to think, in the way that it takes; nothing where the client has no wish or the model no way. */
export function writeThinking(request: ModelRequest, traits: ClaudeTraits, maxTokens: number): ThinkingFields {
  const { reasoning } = request;
  if (!reasoning || traits.thinking === 'none') return { thinking: undefined, effort: undefined };
  if (NONE.has(reasoning.effort)) return { thinking: { type: 'disabled' }, effort: undefined };
  const isForced = request.toolChoice?.kind === 'required' || request.toolChoice?.kind === 'one';
  if (isForced) return { thinking: undefined, effort: undefined };
  if (traits.thinking === 'adaptive') return { thinking: { type: 'adaptive' }, effort: reasoning.effort };
  const wanted = reasoning.budget ?? BUDGETS[reasoning.effort ?? 'medium'] ?? LEAST_BUDGET;
  const budget = Math.min(wanted, maxTokens - 1);
  const canThink = budget >= LEAST_BUDGET && !isWithinUnsignedCall(request);
  return { thinking: canThink ? { type: 'enabled', budget_tokens: budget } : undefined, effort: undefined };
}

/** With a budget, a call that is being answered has to begin with its signed thought, which many clients do not keep. */
function isWithinUnsignedCall({ turns }: ModelRequest): boolean {
  const answered = turns.findLast(({ role }) => role === 'assistant');
  const isAnswering = turns.at(-1)?.parts.some(({ kind }) => kind === 'result') ?? false;
  const isSigned = answered?.parts.some((part) => part.kind === 'reasoning' && part.seal?.origin === 'messages');
  return isAnswering && !isSigned;
}
