import { isFramingHeader } from '../../edge/header-families.ts';
import {
  amountOf,
  type BudgetConfig,
  checkBudget,
  checkLimit,
  type RateLimitConfig,
} from '../../policies/limits/schema.ts';
import type { Path } from '../config-error.ts';
import type { RoutePolicyFields, ServiceFields } from '../schema.ts';
import type { RouteConfig } from '../gateway-config.ts';
import type { Mistake } from '../validate.ts';

export interface Checks {
  readonly fail: (path: Path, message: string) => void;
  readonly warn: (path: Path, message: string) => void;
}

/** Rules that hold wherever policies may stand. */
export function checkPolicies(
  fields: RoutePolicyFields & Partial<ServiceFields>,
  path: Path,
  { fail }: Pick<Checks, 'fail'>,
): void {
  const { auth, cors, retry, health } = fields;
  if (auth && isFramingHeader(auth.header))
    fail([...path, 'auth', 'header'], 'belongs to the connection: name another header');
  if (cors && cors.credentials && cors.origins.includes('*'))
    fail([...path, 'cors', 'origins'], '* cannot stand beside credentials: name the origins');
  checkLimits(fields.rate_limit, [...path, 'rate_limit'], { fail });
  checkBudgets(fields.budget, [...path, 'budget'], { fail });
  checkHeaders(fields.headers, [...path, 'headers'], { fail });
  if (retry && retry.backoff.initial > retry.backoff.max)
    fail([...path, 'retry', 'backoff', 'initial'], 'is longer than max');
  if (health && health.expected_status.from > health.expected_status.to)
    fail([...path, 'health', 'expected_status', 'from'], 'is higher than to');
}

export function checkLimits(
  rateLimit: RateLimitConfig | false | undefined,
  path: Path,
  { fail }: Pick<Checks, 'fail'>,
): void {
  const seen = new Set<string>();
  (rateLimit || { limits: [] }).limits.forEach((limit, i) => {
    const at = [...path, 'limits', i];
    const mistake = checkLimit(limit);
    if (mistake !== undefined) fail(at, mistake);
    const identity = JSON.stringify([limit.name, limit.window, [...limit.per].sort(), limit.algorithm, limit.count]);
    if (seen.has(identity)) fail(at, 'counts the same as another limit of this list: give one of them a name');
    seen.add(identity);
  });
}

export function checkBudgets(
  budgets: readonly BudgetConfig[] | false | undefined,
  path: Path,
  { fail }: Pick<Checks, 'fail'>,
): void {
  const seen = new Set<string>();
  (budgets || []).forEach((budget, i) => {
    const at = [...path, i];
    const mistake = checkBudget(budget);
    if (mistake !== undefined) fail(at, mistake);
    const identity = JSON.stringify([budget.name, budget.every, [...budget.per].sort(), amountOf(budget).unit]);
    if (seen.has(identity)) fail(at, 'counts the same as another budget of this list: give one of them a name');
    seen.add(identity);
  });
}

/** On a service or route whose requests are not read: tokens and money could never be counted there. */
export function checkNothingOfModels(
  { rate_limit, budget }: RoutePolicyFields,
  path: Path,
  { fail }: Pick<Checks, 'fail'>,
): void {
  const message = 'counts what requests to models use: it has a meaning on llm and embeddings services only';
  (rate_limit || { limits: [] }).limits.forEach(({ count }, i) => {
    if (count !== 'requests') fail([...path, 'rate_limit', 'limits', i, 'count'], message);
  });
  (budget || []).forEach((entry, i) => {
    const { unit } = amountOf(entry);
    if (unit !== 'requests') fail([...path, 'budget', i, unit], message);
  });
}

function checkHeaders(headers: RoutePolicyFields['headers'], path: Path, { fail }: Pick<Checks, 'fail'>): void {
  for (const side of ['request', 'response'] as const) {
    const edited: [at: Path, name: string][] = [
      ...namesIn('set', headers?.[side].set),
      ...namesIn('add', headers?.[side].add),
      ...(headers?.[side].remove ?? []).map((name, i): [Path, string] => [['remove', i], name]),
    ];
    for (const [at, name] of edited) {
      if (isFramingHeader(name)) fail([...path, side, ...at], 'belongs to the connection, which the gateway keeps');
    }
  }
}

function namesIn(edit: string, values: Readonly<Record<string, string>> = {}): [at: Path, name: string][] {
  return Object.keys(values).map((name) => [[edit, name], name]);
}

/** Routes that would keep answers of callers they do not know, and could hand them to others. */
export function findUnownedAnswers(sources: ReadonlyMap<RouteConfig, Path>): Mistake[] {
  const message = 'needs auth, because a kept answer belongs to a consumer: write idempotency: false here';
  return [...sources]
    .filter(([{ policies }]) => policies.idempotency !== undefined && policies.auth === false)
    .map(([, source]) => ({ path: [...source, 'idempotency'], message }));
}

/** Routes whose `authorize` cannot be met by anybody, or asks for what is not known there. */
export function findIdleAuthorize(sources: ReadonlyMap<RouteConfig, Path>): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const [{ kind, policies }, source] of sources) {
    const { permissions = [], models = [] } = policies.authorize ?? {};
    const path = [...source, 'authorize'];
    if (policies.auth === false && permissions.length + models.length > 0)
      mistakes.push({ path, message: 'needs auth: nobody is known here' });
    else if (kind === 'http' && models.length > 0)
      mistakes.push({ path: [...path, 'models'], message: 'are known on llm and embeddings services only' });
  }
  return mistakes;
}
