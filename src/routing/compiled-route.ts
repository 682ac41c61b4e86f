import type { Dialect } from '../errors/dialect.ts';
import type { Exchange, MatchedRoute } from '../exchange/exchange.ts';
import type { AccessStep } from '../policies/policy.ts';
import { writeLimitHeaders } from '../policies/limits/limit-headers.ts';
import type { ServiceMetrics } from '../telemetry/service-metrics.ts';
import type { Send } from '../upstream/attempt.ts';
import type { AnswerHead, ResponseHeaders } from '../upstream/response-headers.ts';
import type { UpstreamService } from './upstream-service.ts';

interface RouteParts {
  readonly name: string;
  readonly dialect: Dialect;
  readonly steps: readonly AccessStep[];
  /** `undefined` on routes that answer themselves. */
  readonly upstream: UpstreamService | undefined;
  readonly responseHeaders: ResponseHeaders;
  readonly metrics: ServiceMetrics;
  readonly limitHeaders: readonly ('auto' | 'x-ratelimit' | 'ratelimit' | 'openai')[];
}

/** One route of one configuration with everything resolved: nothing is looked up by name while a request runs. */
export class CompiledRoute implements MatchedRoute {
  readonly name: string;
  readonly service: string;
  readonly dialect: Dialect;
  readonly steps: readonly AccessStep[];
  readonly upstream: UpstreamService | undefined;
  readonly metrics: ServiceMetrics;
  readonly editOwn: MatchedRoute['editOwn'];
  /** Called for refusals; `undefined` if nothing needs them. */
  readonly onRefused: AccessStep['onRefused'];
  /** Refusals of the steps between these two are heard. */
  private readonly heardFrom: number;
  private readonly heardTo: number;
  private readonly parts: RouteParts;

  constructor(parts: RouteParts) {
    this.name = parts.name;
    this.service = parts.upstream?.service ?? parts.name;
    this.dialect = parts.dialect;
    this.steps = parts.steps;
    this.upstream = parts.upstream;
    this.metrics = parts.metrics;
    this.editOwn = parts.responseHeaders.editOwn;
    this.parts = parts;
    this.heardFrom = parts.steps.findIndex(({ name }) => name === 'auth');
    this.heardTo = parts.steps.findIndex(({ onRefused }) => onRefused !== undefined);
    this.onRefused = parts.steps[this.heardTo]?.onRefused;
  }

  /** The caller is known at this step, and the limits have not decided yet. */
  isChargedAt(step: number): boolean {
    return step > this.heardFrom && step < this.heardTo;
  }

  /** Only plain HTTP services carry WebSockets. */
  get takesUpgrades(): boolean {
    return this.upstream?.kind === 'http';
  }

  /** Calls the upstream. A route without one has ended in its access steps. */
  send(exchange: Exchange): ReturnType<Send> {
    if (!this.upstream) return Promise.reject(new Error(`route ${this.name} has no upstream`));
    return this.upstream.send(exchange);
  }

  /** The upstream's response head rebuilt for the client. */
  responseHeaders(exchange: Exchange, answer: AnswerHead): string[] {
    return this.parts.responseHeaders.build(exchange, answer);
  }

  decorate(headers: string[], exchange: Exchange): void {
    if (exchange.attempts.length > 1) headers.push('X-Gateway-Attempts', String(exchange.attempts.length));
    if (exchange.limit || exchange.tokenLimit)
      writeLimitHeaders(headers, exchange, this.dialect, this.parts.limitHeaders);
    const answering = answeringModel(exchange);
    if (answering !== undefined) headers.push('X-Gateway-Model', answering);
  }
}

/** The model that answered, if its name is valid in a header: clients may have made it up. */
function answeringModel({ model: call, answeredAt, rejection }: Exchange): string | undefined {
  if (!call || answeredAt === undefined || rejection) return undefined;
  const { name, isListed } = call.model;
  return isListed || /^[\x21-\x7e]{1,200}$/.test(name) ? name : undefined;
}
