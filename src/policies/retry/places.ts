import type { Exchange } from '../../exchange/exchange.ts';
import { isOffered, isResting } from '../../upstream/balancer.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';
import { hasFallback, moveToFallback } from './model-fallback.ts';
import { LONGEST_RATE_LIMIT_MS, type RetryRule } from './retry-rules.ts';

/** Where an attempt goes after a failed one; `same_target` has been tried for the same model before. */
export type Place = 'same_target' | 'other_target' | 'fallback';

/** What the failed attempt says about the next one. */
interface Wish {
  readonly rule: RetryRule;
  /** What its answer's `Retry-After` asks for. */
  readonly waitMs: number | undefined;
  /** The model gives way to its fallbacks for what happened. */
  readonly mayFallBack: boolean;
}

/**
 * The places one request has been to and may still go to: first other targets, then a target again, then the next model.
 * Where there is a next model, the last attempt is kept for it, and it goes before a long wait.
 */
export class Places {
  private readonly service: ServiceTargets;
  private readonly exchange: Exchange;
  private readonly tried: Target[] = [];
  private triedForModel: Target[] = [];
  /** Those of them where the model may be asked again. */
  private repeatable: Target[] = [];

  constructor(service: ServiceTargets, exchange: Exchange) {
    this.service = service;
    this.exchange = exchange;
  }

  note(target: Target, { where }: RetryRule): void {
    this.tried.push(target);
    this.triedForModel.push(target);
    this.repeatable = this.repeatable.filter((other) => other !== target);
    if (where === 'anywhere') this.repeatable.push(target);
  }

  /** The target has asked for a pause, and another one can take over: that multiplies no load. */
  movesFreely(target: Target): boolean {
    return isResting(target, this.exchange) && this.isOffered(this.untried());
  }

  /** `undefined`: nowhere. `mayRepeat`: the model that failed may be asked again. */
  next({ rule, waitMs = 0, mayFallBack }: Wish, attemptsLeft: number, mayRepeat: boolean): Place | undefined {
    const canFallBack = mayFallBack && hasFallback(this.service, this.exchange);
    const isLeaving = !mayRepeat || rule.where === 'next_model' || (canFallBack && attemptsLeft === 1);
    if (isLeaving) return canFallBack ? 'fallback' : undefined;
    if (this.isOffered(this.untried())) return 'other_target';
    const isPastHope = rule.where === 'elsewhere' || waitMs > LONGEST_RATE_LIMIT_MS || !this.isOffered(this.repeatable);
    if (canFallBack && isPastHope) return 'fallback';
    return rule.where === 'anywhere' ? 'same_target' : undefined;
  }

  /** `undefined` when no target is available there any more. */
  go(place: Place): Target | undefined {
    if (place === 'fallback') return this.fallBack();
    const target = this.service.pick(this.triedForModel, this.exchange);
    const isWelcome = !target || !this.triedForModel.includes(target) || this.repeatable.includes(target);
    return isWelcome ? target : this.repeatable.find((other) => isOffered(other, this.exchange));
  }

  private fallBack(): Target | undefined {
    this.triedForModel = [];
    this.repeatable = [];
    return moveToFallback(this.service, this.exchange, this.tried);
  }

  private untried(): readonly Target[] {
    return this.service.targets.filter((target) => !this.triedForModel.includes(target));
  }

  private isOffered(targets: readonly Target[]): boolean {
    return targets.some((target) => isOffered(target, this.exchange));
  }
}
