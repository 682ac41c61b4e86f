import type { Exchange } from '../../exchange/exchange.ts';
import { retryAfterMs } from '../../lib/retry-after.ts';
import type { Answer } from '../../upstream/attempt.ts';
import { isOffered } from '../../upstream/balancer.ts';
import { hasAlternative } from '../../upstream/resting.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';
import type { Dependencies } from '../policy-dependencies.ts';
import { defineAttemptPolicy } from '../policy.ts';
import { type CooldownConfig, CooldownSchema } from './schema.ts';

/** Lets a model rest at a target that has asked for it. The balancer passes over what rests. */
export const cooldownPolicy = defineAttemptPolicy({
  name: 'cooldown',
  phase: 'attempt',
  schema: CooldownSchema,
  errors: ['UPSTREAM_RATE_LIMITED'],
  create: (config, deps, targets) => {
    if (targets.kind === 'http') return (next) => next;
    const cooldown = new Cooldown(config, deps, targets);
    return (next) => async (exchange, target) => {
      const answer = await next(exchange, target);
      if (ASKS_FOR_REST.has(answer.status)) cooldown.note(exchange, answer);
      return answer;
    };
  },
});

/** Too many requests, unavailable, and Anthropic's "overloaded". */
const ASKS_FOR_REST: ReadonlySet<number> = new Set([429, 503, 529]);
/** Where the answer does not say. */
const UNTOLD_MS = 5_000;

class Cooldown {
  private readonly config: CooldownConfig;
  private readonly targets: ServiceTargets;
  private readonly clock: Dependencies['clock'];
  private readonly counted: { cooldown(target: string): void };

  constructor(
    config: CooldownConfig,
    { clock, metrics }: Pick<Dependencies, 'clock' | 'metrics'>,
    targets: ServiceTargets,
  ) {
    this.config = config;
    this.targets = targets;
    this.clock = clock;
    this.counted = metrics.service(targets.service);
  }

  note(exchange: Exchange, { target, status, headers }: Answer): void {
    const { model: call } = exchange;
    if (!call) return;
    const toldMs = retryAfterMs(headers, this.clock.now());
    const ms = Math.min(this.config.max, toldMs ?? (this.mayGuess(exchange, target, status) ? UNTOLD_MS : 0));
    if (ms === 0) return;
    target.rests.begin(call.model.name, performance.now() + ms);
    this.counted.cooldown(target.name);
  }

  /**
   * A limit without a time is a limit all the same, as long as something else can be asked. An outage may be over at
   * once: the last target that is left is not given up for it.
   */
  private mayGuess(exchange: Exchange, target: Target, status: number): boolean {
    const { model: call } = exchange;
    if (!call || !hasAlternative(this.targets, call, target)) return false;
    if (status === 429) return true;
    return this.targets.targets.some((other) => other !== target && isOffered(other, exchange));
  }
}
