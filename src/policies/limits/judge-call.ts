import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { type Model, type ModelCall, usesTokens } from '../../exchange/model-call.ts';
import { amountText } from './amount-text.ts';
import type { Cap } from '../../counters/line.ts';
import type { LineSet } from './route-limits.ts';
import { reservedUnits } from '../../counters/units.ts';

/** What of a caller's limits can be judged without counting. */
export interface CallJudge {
  /** A cap that only reports was passed. */
  readonly onDryRun: (name: string) => void;
}

/**
 * Refuses a call to a model without a price where money is counted, and one that may come to more than a single request
 * may. Models without a price no longer stand in for others.
 */
export function judgeCall(exchange: Exchange, { caps, countsMoney }: LineSet, judge: CallJudge): Rejection | undefined {
  const { model: call } = exchange;
  if (!call || !usesTokens(call.operation)) return undefined;
  if (countsMoney) {
    const [first] = call.candidates;
    if (first && isUnpriced(first)) return refuseUnpriced(first);
    const tool = call.ofTools.find(isUnpriced);
    if (tool) return refuseUnpriced(tool);
    if (call.candidates.some(isUnpriced))
      exchange.model = { ...call, candidates: call.candidates.filter((model) => !isUnpriced(model)) };
  }
  for (const cap of caps) {
    const rejection = judgeCap(exchange.model ?? call, cap);
    if (rejection && cap.isDryRun) judge.onDryRun(cap.name);
    else if (rejection) return rejection;
  }
  return undefined;
}

/** Also a name that stands in no catalogue: nobody knows what it costs. */
function isUnpriced({ price }: Model): boolean {
  return price === undefined;
}

function refuseUnpriced({ name }: Model): Rejection {
  const which = name === '' ? 'The model' : `Model '${name.slice(0, 100)}'`;
  return new Rejection('MODEL_NOT_ALLOWED', `${which} has no price in this gateway, and your budget is in dollars.`, {
    facts: { param: 'model' },
  });
}

function judgeCap(call: ModelCall, { unit, most }: Cap): Rejection | undefined {
  const units = reservedUnits(call, unit);
  if (units <= most) return undefined;
  const { estimatedInputTokens, maxOutputTokens } = call;
  const made = `${amountText(estimatedInputTokens, 'tokens')} in and up to ${amountText(maxOutputTokens, 'tokens')} out`;
  const detail = `This request may come to ${amountText(units, unit)} (${made}), and one may come to ${amountText(most, unit)} at most. Ask for less output.`;
  return new Rejection('VALUE_ERROR', detail);
}
