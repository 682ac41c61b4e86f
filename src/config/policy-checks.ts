import { checkLimit, type RateLimitConfig } from '../policies/limits/schema.ts';
import type { Path } from './config-error.ts';
import type { RoutePolicyFields, ServiceFields } from './schema.ts';

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
  const { cors, retry, health } = fields;
  if (cors && cors.credentials && cors.origins.includes('*'))
    fail([...path, 'cors', 'origins'], '* cannot stand beside credentials: name the origins');
  checkLimits(fields.rate_limit, [...path, 'rate_limit'], { fail });
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
    const identity = JSON.stringify([limit.name, limit.window, [...limit.per].sort(), limit.algorithm]);
    if (seen.has(identity)) fail(at, 'counts the same as another limit of this list: give one of them a name');
    seen.add(identity);
  });
}

/** Edits of these would change where a message ends or which connection it is for. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function checkHeaders(headers: RoutePolicyFields['headers'], path: Path, { fail }: Pick<Checks, 'fail'>): void {
  for (const side of ['request', 'response'] as const) {
    const edited: [at: Path, name: string][] = [
      ...namesIn('set', headers?.[side].set),
      ...namesIn('add', headers?.[side].add),
      ...(headers?.[side].remove ?? []).map((name, i): [Path, string] => [['remove', i], name]),
    ];
    for (const [at, name] of edited) {
      if (FRAMING.has(name.toLowerCase()))
        fail([...path, side, ...at], 'belongs to the connection, which the gateway keeps');
    }
  }
}

function namesIn(edit: string, values: Readonly<Record<string, string>> = {}): [at: Path, name: string][] {
  return Object.keys(values).map((name) => [[edit, name], name]);
}
