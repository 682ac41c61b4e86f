// Room policies: holds what can be configured for requests: one folder per policy with schema, behaviour and tests.
// In it: the table of schemas, the order in which policies run, the policies.
// Never in it: imports from another policy, from the router, from the configuration file or the API.

import type { ServiceKind } from '../lib/service-kind.ts';
import type { Static, TSchema } from '../lib/schema-builder.ts';
import type { Dependencies } from './policy-dependencies.ts';
import type { ErrorCode } from '../errors/catalog.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Attempt, Send } from '../upstream/attempt.ts';
import type { ServiceTargets } from '../upstream/targets.ts';

/** Answers the client at once, without calling the upstream (CORS preflight, redirect, a kept answer). */
export interface Reply {
  readonly status: number;
  /** name, value, name, value … */
  readonly headers: readonly string[];
  readonly body: string | Buffer | undefined;
}

/** `undefined` lets the request continue. */
export type Verdict = undefined | Rejection | Reply;

/** One named step of the access phase. Synchronous wherever nothing has to be awaited: a promise costs every request. */
export interface AccessStep {
  readonly name: string;
  readonly decide: (exchange: Exchange) => Verdict | Promise<Verdict>;
  /**
   * Hears that a step between the one that found out who calls and this one has refused the request, and may refuse it
   * for another reason.
   */
  readonly onRefused?: (exchange: Exchange, rejection: Rejection) => Rejection | Promise<Rejection>;
}

/** Where an access policy is being compiled. */
export interface RouteContext {
  readonly route: string;
  readonly service: string | undefined;
  readonly kind: ServiceKind;
  /** The targets of the service, whose state changes while the route is served; `undefined` without a service. */
  readonly upstream?: ServiceTargets | undefined;
}

interface PolicyBasics<S extends TSchema> {
  /** The YAML key and the docs heading; the folder is its kebab-case. */
  readonly name: string;
  /** The YAML keys it reads, where they are not its name. */
  readonly ownsKeys?: readonly string[];
  readonly schema: S;
  /** Codes it may answer with: feeds the docs. */
  readonly errors: readonly ErrorCode[];
}

/** Decides whether a request continues. Compiled once per route. */
export interface AccessPolicy<S extends TSchema = TSchema, C = Static<S>> extends PolicyBasics<S> {
  readonly phase: 'access';
  /** No step: the policy has nothing to do on this route. Every step it makes must have a place in `ACCESS_ORDER`. */
  readonly create: (config: C, deps: Dependencies, at: RouteContext) => readonly AccessStep[];
  /** What is left to do on a route where the section is `false`; nothing unless given. */
  readonly createOff?: () => readonly AccessStep[];
}

export type AnyAccessPolicy = AccessPolicy<TSchema, never>;

/** Gates one call of one target: zero or one calls of `next`. Compiled once per service, unless its section is `false`. */
export interface AttemptPolicy<S extends TSchema = TSchema, C = Static<S>> extends PolicyBasics<S> {
  readonly phase: 'attempt';
  readonly create: (config: C, deps: Dependencies, targets: ServiceTargets) => (next: Attempt) => Attempt;
}

export type AnyAttemptPolicy = AttemptPolicy<TSchema, never>;

/** Decides how often and at which target the upstream is called. Compiled once per service. */
export interface SendPolicy<S extends TSchema = TSchema, C = Static<S>> extends PolicyBasics<S> {
  readonly phase: 'send';
  readonly create: (config: C, deps: Dependencies, targets: ServiceTargets) => (attempt: Attempt) => Send;
  /** The same where the section is `false`: something has to choose a target all the same. */
  readonly createOff: (deps: Dependencies, targets: ServiceTargets) => (attempt: Attempt) => Send;
}

export type AnySendPolicy = SendPolicy<TSchema, never>;

/** `C` is the loaded configuration where it says more than the schema does (levels, defaults by kind). */
export function defineAccessPolicy<S extends TSchema, C = Static<S>>(policy: AccessPolicy<S, C>): AccessPolicy<S, C> {
  return policy;
}

export function defineAttemptPolicy<S extends TSchema, C = Static<S>>(
  policy: AttemptPolicy<S, C>,
): AttemptPolicy<S, C> {
  return policy;
}

export function defineSendPolicy<S extends TSchema, C = Static<S>>(policy: SendPolicy<S, C>): SendPolicy<S, C> {
  return policy;
}
