import type { LoadedConfig } from '../../config/load.ts';
import { readLimits } from '../../config/read-limits.ts';
import { tierMistake } from '../../config/checks/tier-names.ts';
import { generateApiKey, hashApiKey, type KeyEnvironment } from '../../identity/api-key-format.ts';
import type { ApiKey } from '../../identity/api-key-row.ts';
import { ApiKeys, type IssuedApiKey } from '../../identity/api-keys.ts';
import { Consumers } from '../../identity/consumers.ts';
import { systemClock } from '../../lib/clock.ts';
import { parseDuration } from '../../lib/duration.ts';
import type { BudgetConfig, RateLimitConfig } from '../../policies/limits/schema.ts';
import { migrateDatabase } from '../../storage/migrate.ts';
import { byOperator } from '../by-operator.ts';
import { renderTable } from '../table.ts';
import { UsageError } from '../failure.ts';
import { withDatabase } from '../with-database.ts';

interface KeyOptions {
  readonly config: string;
}

interface CreateOptions extends KeyOptions {
  readonly owner: string;
  readonly env: KeyEnvironment;
  readonly name?: string;
  readonly tier?: string;
  readonly expiresIn?: string;
  readonly rateLimit?: string;
  readonly budgetUsd?: string;
  readonly budgetTokens?: string;
  readonly every?: string;
}

const LONGEST_PAGE = 200;

/** The key goes to standard output and all else to standard error, so that a script can catch it. */
export async function createKey(options: CreateOptions): Promise<void> {
  const { owner, env, name, tier, expiresIn, rateLimit } = options;
  const budget = budgetOf(options);
  const expiresAt = expiresIn === undefined ? undefined : systemClock.now() + durationOf('--expires-in', expiresIn);
  await withKeys(
    options,
    async (keys, { settings, tiers }) => {
      const mistake = tierMistake(tier, tiers);
      if (mistake !== undefined) throw new UsageError(`Cannot set the tier: ${mistake}`);
      const limit = rateLimit === undefined ? undefined : rateLimitOf(rateLimit, settings.rate_period);
      showIssued(await keys.issue({ owner, env, name, tier, expiresAt, rateLimit: limit, budget }, byOperator()));
    },
    true,
  );
}

/** What a key and its place in the configuration look like; the key goes to standard output. */
export function generateKey({ prefix }: { readonly prefix: string }): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/.test(prefix))
    throw new UsageError('--prefix must be up to 32 letters, digits, _ and -, such as sk_test');
  const [, head = prefix, env = 'live'] = /^(.+)_(live|test|dev)$/.exec(prefix) ?? [];
  const { text } = generateApiKey(env as KeyEnvironment, head);
  console.log(text);
  console.error(`For the consumer's keys in the configuration:\n  - { hash: "sha256:${hashApiKey(text)}" }`);
}

export async function listKeys(options: KeyOptions & { readonly owner?: string }): Promise<void> {
  await withKeys(options, async (keys, _, consumers) => {
    const consumerId = options.owner === undefined ? undefined : await consumers.idOf(options.owner);
    const rows: string[][] = [['ID', 'PREFIX', 'OWNER', 'NAME', 'STATUS', 'CREATED', 'EXPIRES', 'LAST USED']];
    let cursor: string | undefined;
    do {
      const page = await keys.list({ limit: LONGEST_PAGE, cursor, consumerId });
      rows.push(...page.items.map(cellsOf));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    for (const line of renderTable(rows)) console.log(line);
  });
}

export async function revokeKey(word: string, options: KeyOptions): Promise<void> {
  await withKeys(options, async (keys) => {
    const { prefix, owner } = await keys.revoke(await keys.idOf(word), byOperator());
    console.error(`${prefix}… of ${owner.name} is revoked; running gateways refuse it within 2 s`);
  });
}

export async function rotateKey(word: string, options: KeyOptions & { readonly grace: string }): Promise<void> {
  const grace = durationOf('--grace', options.grace);
  await withKeys(options, async (keys) => {
    showIssued(await keys.rotate(await keys.idOf(word), grace, byOperator()));
    console.error(grace === 0 ? 'The old key is revoked.' : `The old key works for ${options.grace} more.`);
  });
}

/** Running gateways read every change from the database; nothing else needs a notification. */
async function withKeys(
  { config }: KeyOptions,
  work: (keys: ApiKeys, loaded: LoadedConfig['config'], consumers: Consumers) => Promise<void>,
  create = false,
): Promise<void> {
  await withDatabase(config, { create }, async (database, loaded) => {
    await migrateDatabase(database);
    const keys = new ApiKeys({ database, clock: systemClock, announce: () => Promise.resolve() });
    await work(keys, loaded.config, new Consumers(database, systemClock, () => Promise.resolve()));
  });
}

function showIssued({ apiKey, key }: IssuedApiKey): void {
  console.log(apiKey);
  const expiry = key.expiresAt === undefined ? '' : `, expires ${timeOf(key.expiresAt)}`;
  console.error(`Key ${key.id} of ${key.owner.name}${expiry}. It cannot be shown again.`);
}

function cellsOf(key: ApiKey): string[] {
  const times = [key.createdAt, key.expiresAt, key.lastUsedAt].map(timeOf);
  return [key.id, key.prefix, key.owner.name, key.name ?? '-', key.status, ...times];
}

function timeOf(ms: number | undefined): string {
  return ms === undefined ? '-' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function durationOf(flag: string, text: string): number {
  const duration = parseDuration(text);
  if (duration === undefined) throw new UsageError(`${flag} must be a duration such as 30m, 12h or 30d`);
  return duration;
}

/** At most one amount of each kind, all for the same period. */
function budgetOf({ budgetUsd, budgetTokens, every }: CreateOptions): readonly BudgetConfig[] | undefined {
  const amounts = [
    ...(budgetUsd === undefined ? [] : [{ cost_usd: Number(budgetUsd) }]),
    ...(budgetTokens === undefined ? [] : [{ tokens: Number(budgetTokens) }]),
  ];
  if (amounts.length === 0) {
    if (every !== undefined) throw new UsageError('--every needs --budget-usd or --budget-tokens');
    return undefined;
  }
  const reading = readLimits({ budget: amounts.map((amount) => ({ ...amount, every: every ?? 'month' })) });
  if ('problems' in reading) throw new UsageError(`The budget cannot be used: ${reading.problems.join('; ')}`);
  return reading.budget;
}

/** `100` is the short form of the configuration; `100/1h` names its window. */
function rateLimitOf(text: string, ratePeriodMs: number): RateLimitConfig | undefined {
  const [limit, window] = text.split('/', 2);
  const written = window === undefined ? Number(limit) : { limits: [{ limit: Number(limit), window }] };
  const reading = readLimits({ rate_limit: written }, ratePeriodMs);
  if ('problems' in reading) throw new UsageError(`--rate-limit ${text}: ${reading.problems.join('; ')}`);
  return reading.rate_limit;
}
