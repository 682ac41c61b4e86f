import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Waiter } from '../exchange/deadline.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { answer, reject } from '../exchange/respond.ts';
import type { Verdict } from '../policies/policy.ts';
import { UpstreamFailure } from '../upstream/attempt.ts';
import { rejectionOf } from '../upstream/classify.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';

/** Reports a bug: a policy or the upstream side threw something that is not a refusal. */
export type ReportBug = (error: unknown, exchange: Exchange) => void;

/** Runs once every access step has agreed. Any error that it throws or rejects with becomes an answer. */
export type Proceed = (exchange: Exchange, route: CompiledRoute) => Promise<void> | undefined;

/** Takes one exchange through the access steps of its route, synchronously until a step really has to wait. */
export function serve(exchange: Exchange, route: CompiledRoute, proceed: Proceed, reportBug: ReportBug): void {
  const passage = new Passage(exchange, route, proceed, reportBug);
  exchange.deadline.keeper = passage;
  passage.from(0);
}

const TOOK_TOO_LONG = new Rejection('UPSTREAM_TIMEOUT', 'The request took longer than the route allows.');

class Passage implements Waiter {
  private readonly exchange: Exchange;
  private readonly route: CompiledRoute;
  private readonly proceed: Proceed;
  private readonly reportBug: ReportBug;
  /** The total deadline has ended the exchange: whatever still comes is of no use. */
  private isOver = false;

  constructor(exchange: Exchange, route: CompiledRoute, proceed: Proceed, reportBug: ReportBug) {
    this.exchange = exchange;
    this.route = route;
    this.proceed = proceed;
    this.reportBug = reportBug;
  }

  /** The total has passed while no call was running: in a queue, in the wait for a store, between two attempts. */
  onExpire(): boolean {
    if (this.exchange.isCommitted || this.exchange.isAbandoned) return false;
    this.isOver = true;
    conclude(this.exchange, TOOK_TOO_LONG);
    return true;
  }

  /** Runs the steps from this one on. Never throws. */
  from(step: number): void {
    try {
      for (let i = step; i < this.route.steps.length; i++) {
        const verdict = this.route.steps[i]?.decide(this.exchange);
        if (verdict === undefined) continue;
        if ('then' in verdict) return void this.resume(verdict, i + 1);
        return this.end(verdict, i);
      }
      this.proceed(this.exchange, this.route)?.catch(this.fail);
    } catch (error) {
      this.fail(error);
    }
  }

  private async resume(pending: Promise<Verdict>, next: number): Promise<void> {
    try {
      const verdict = await pending;
      if (this.isOver || this.exchange.isAbandoned) return;
      if (verdict === undefined) this.from(next);
      else this.end(verdict, next - 1);
    } catch (error) {
      this.fail(error);
    }
  }

  /** A refusal may cost the caller something, too. */
  private end(verdict: Exclude<Verdict, undefined>, step: number): void {
    const { exchange, route } = this;
    if (!(verdict instanceof Rejection) || !route.isChargedAt(step)) return conclude(exchange, verdict);
    const heard = route.onRefused?.(exchange, verdict);
    if (!(heard instanceof Promise)) return conclude(exchange, heard ?? verdict);
    heard.then((rejection) => conclude(exchange, rejection)).catch(this.fail);
  }

  private readonly fail = (error: unknown): void => {
    if (!this.isOver && !this.exchange.isAbandoned) conclude(this.exchange, this.rejectionFor(error));
  };

  private rejectionFor(error: unknown): Rejection {
    if (error instanceof GatewayError) return error.rejection;
    const isFailure = error instanceof UpstreamFailure;
    if (!isFailure || error.kind === 'internal') this.reportBug(error, this.exchange);
    if (!isFailure) return new Rejection('INTERNAL_ERROR', 'The gateway failed to handle this request.');
    return (error.kind === 'request_body' && this.exchange.body.rejection) || rejectionOf(error);
  }
}

function conclude(exchange: Exchange, verdict: Exclude<Verdict, undefined>): void {
  if (verdict instanceof Rejection) reject(exchange, verdict, 'problem');
  else answer(exchange, verdict);
}

/** Records the exchange first if its kind is recorded. Throws OVERLOADED if it cannot be recorded. */
export function recorded(usage: Pick<Dependencies['usage'], 'open'>, proceed: Proceed): Proceed {
  return (exchange, route) => {
    const opening = usage.open(exchange);
    return opening ? opening.then(() => proceed(exchange, route)) : proceed(exchange, route);
  };
}
