import { Rejection } from '../../errors/rejection.ts';
import type { BodyFilter } from '../../exchange/body-filter.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import { amountText } from './amount-text.ts';
import type { Charge, CounterStore, Decision } from '../../counters/counter-store.ts';
import type { Receipt } from './receipt.ts';
import { outputUnits } from '../../counters/units.ts';
import { refuseUnavailable } from './refusal.ts';

/** Output that is asked for at once beyond what was reserved. */
const BLOCK_TOKENS = 1_024;
/** More is asked for when this part of what is reserved is left, so that the answer is there when it is needed. */
const RESERVE = 0.125;

const NOTHING = Buffer.alloc(0);

interface AllowanceOptions {
  readonly call: ModelCall;
  /** Those of the request that count tokens or money. */
  readonly charges: readonly Charge[];
  readonly counters: Pick<CounterStore, 'decide'>;
  readonly receipt: Receipt;
}

/**
 * Watches how much output of a model streams by. When it comes to more than was reserved, more is taken of the limits;
 * when they have no more, the stream is over. Looks at the output before each chunk, so it lags by one.
 */
export class StreamAllowance implements BodyFilter {
  readonly isWhole = true;
  failure: Rejection | undefined;
  private readonly options: AllowanceOptions;
  private allowed: number;
  private askFrom: number;
  private isAsking = false;
  private refusal: Rejection | undefined;
  /** Set while the store does not answer: it is asked again, and what was reserved may be used meanwhile. */
  private absence: Rejection | undefined;

  constructor(options: AllowanceOptions) {
    this.options = options;
    this.allowed = options.call.maxOutputTokens;
    this.askFrom = this.allowed * (1 - RESERVE);
  }

  write(chunk: Buffer): Buffer {
    const output = this.options.call.usage?.outputTokens ?? 0;
    if (output <= this.askFrom) return chunk;
    const isOver = output > this.allowed;
    if (isOver && this.refusal) return this.stop(this.refusal);
    if (!this.isAsking && !this.refusal) this.ask(BLOCK_TOKENS);
    return isOver && this.absence ? this.stop(this.absence) : chunk;
  }

  private stop(reason: Rejection): Buffer {
    this.failure = reason;
    return NOTHING;
  }

  end(): Buffer {
    return NOTHING;
  }

  private ask(tokens: number): void {
    const { call, counters } = this.options;
    const charges = this.options.charges.map((charge) => {
      const { unit, rule } = charge.line;
      const cost = unit === 'requests' ? 0 : Math.min(outputUnits(tokens, call, unit), rule.capacity + 1);
      return { ...charge, cost };
    });
    this.isAsking = true;
    const decision = counters.decide(charges);
    if (decision instanceof Promise) void decision.then((decided) => this.conclude(tokens, charges, decided));
    else this.conclude(tokens, charges, decision);
  }

  private conclude(tokens: number, charges: readonly Charge[], decision: Decision): void {
    this.isAsking = false;
    this.absence = decision.outcome === 'unavailable' ? refuseUnavailable() : undefined;
    if (this.absence) return;
    if (decision.outcome === 'admitted') {
      this.options.receipt.add(charges, decision);
      this.allowed += tokens;
      this.askFrom = this.allowed - tokens * RESERVE;
      return;
    }
    const fewer = affordable(tokens, charges, decision);
    if (fewer > 0 && fewer < tokens) this.ask(fewer);
    else this.refusal = refuse(charges, decision);
  }
}

/** As many tokens as every line that refuses has left. */
function affordable(tokens: number, charges: readonly Charge[], { verdicts }: Decision): number {
  let least = Number.POSITIVE_INFINITY;
  charges.forEach(({ cost, line }, i) => {
    const verdict = verdicts[i];
    if (!verdict || verdict.admitted || line.isDryRun) return;
    least = Math.min(least, Math.floor((tokens * verdict.remaining) / cost));
  });
  return least === Number.POSITIVE_INFINITY ? 0 : least;
}

function refuse(charges: readonly Charge[], { verdicts }: Decision): Rejection {
  const index = charges.findIndex(({ line }, i) => !line.isDryRun && verdicts[i]?.admitted === false);
  const line = charges[index]?.line;
  const name = line ? ` (${amountText(line.rule.limit, line.unit)} per ${line.every ?? 'window'})` : '';
  return new Rejection('BUDGET_EXCEEDED', `The answer was ended because the budget${name} is used up.`);
}
