import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { type ChangeNotifier, RedisChangeNotifier } from '../identity/change-notifier.ts';
import { type Identity, openIdentity } from '../identity/identity.ts';
import type { MemoryKey } from '../identity/known-key.ts';
import { systemClock } from '../lib/clock.ts';
import { closeAll, openTogether } from '../lib/open-together.ts';
import type { Secret } from '../lib/secret.ts';
import { Turns } from '../lib/turns.ts';
import { BreakerBank } from '../policies/circuit-breaker/breaker-bank.ts';
import type { ProcessDependencies } from '../policies/policy-dependencies.ts';
import type { CounterStore } from '../counters/counter-store.ts';
import type { CounterLink } from '../counters/linked-counters.ts';
import { openCounters } from '../counters/open-counters.ts';
import type { OnStoreFailure } from '../counters/redis-counters.ts';
import { BudgetCounts } from '../storage/budget-counts.ts';
import { type Database, openDatabase } from '../storage/database.ts';
import type { IdempotencyStore } from '../storage/idempotency/idempotency-store.ts';
import { migrateDatabase } from '../storage/migrate.ts';
import { Degradations } from '../telemetry/degradations.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { Usage } from '../usage/usage.ts';

/** What policies are built with, and what only the process needs: the stores behind it and the way to close them. */
export interface OpenDependencies extends ProcessDependencies {
  readonly identity: Identity;
  readonly database: Database;
  readonly degradations: Degradations;
  /** Ends timers and connections, and writes pending data. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly memoryKeys: readonly MemoryKey[];
  readonly developmentSecret: Secret | undefined;
  /** The way to the process that counts for this one and others, used where there is no Redis. */
  readonly link?: CounterLink | undefined;
  /** `settings.on_store_failure` of the configuration in force. */
  readonly onStoreFailure: () => OnStoreFailure;
}

/**
 * Opens database and counters and brings the schema up to date. Rejects with `DatabaseError` when the database cannot
 * be used; a Redis that does not answer only degrades the start.
 */
export async function openDependencies(options: OpenOptions): Promise<OpenDependencies> {
  const { loaded, log } = options;
  const metrics = createMetrics();
  const degradations = new Degradations(metrics, log);
  const opening = openMigrated(loaded, log);
  const stores = await openTogether(opening, openSharedCounters(options, degradations, opening), openHints(loaded));
  const [database, counters, hints] = stores;
  const parts = {
    database,
    notifier: hints?.notifier,
    onAuthFailure: (door: string) => metrics.credentialFailed(door),
  };
  const identity = await openCallers(options, parts, degradations).catch(async (error: unknown) => {
    await closeAll(stores);
    throw error;
  });
  const clock = systemClock;
  const breakers = new BreakerBank({ clock, log, metrics });
  const answers = prepareAnswers(options, database, degradations);
  const usage = openUsage(options, database, { degradations, metrics });
  return {
    clock,
    log,
    metrics,
    viaPseudonym: `turnpike-${randomBytes(4).toString('hex')}`,
    breakers,
    counters,
    directory: identity.directory,
    tokens: identity.tokens,
    failedAuth: identity.failedAuth,
    usage,
    turns: new Turns(),
    callerShare: options.loaded.config.settings.limits.caller_share,
    idempotency: answers.open,
    identity,
    database,
    degradations,
    close: async () => {
      breakers.close();
      await Promise.all([identity.close(), answers.close(), usage.close()]);
      hints?.close();
      // What budgets have counted is written there.
      await counters.close();
      await database.close();
    },
  };
}

function openUsage(
  { loaded, log }: OpenOptions,
  database: Database,
  { degradations, metrics }: { degradations: Degradations; metrics: Metrics },
): Usage {
  const { usage, data_dir: dataDir } = loaded.config.settings;
  return new Usage({
    database,
    clock: systemClock,
    folder: join(dataDir, 'usage'),
    settings: usage,
    log,
    degraded: (reason, isOn) => degradations.set(reason, isOn),
    onJournalBytes: (bytes) => metrics.usageJournal(bytes),
  });
}

async function openMigrated({ env }: LoadedConfig, log: Logger): Promise<Database> {
  const database = await openDatabase(env.databaseUrl.reveal(), { log });
  try {
    const steps = await migrateDatabase(database);
    if (steps.length > 0) log.info({ database: database.shown, steps }, 'the database was brought up to date');
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

function openSharedCounters(
  options: OpenOptions,
  degradations: Degradations,
  database: Promise<Database>,
): Promise<CounterStore> {
  const { loaded, log, onStoreFailure } = options;
  return openCounters({
    clock: systemClock,
    redisUrl: loaded.env.redisUrl?.reveal(),
    mostCounts: loaded.config.settings.limits.counts,
    link: options.link,
    openBook: async () => BudgetCounts.open(await database, () => systemClock.now()),
    prefix: loaded.config.settings.redis.prefix,
    onStoreFailure,
    onState: (isUp, reason) => degradations.store('redis', isUp, reason),
    onFlushed: () => log.error('Redis has lost its counters: every limit starts again from zero'),
  });
}

/** The store of answers that can be replayed. Nothing is loaded or connected until a route needs it. */
function prepareAnswers({ loaded, log }: OpenOptions, database: Database, degradations: Degradations) {
  let opened: Promise<IdempotencyStore> | undefined;
  const onState = (isUp: boolean, cause: string | undefined): void => {
    degradations.set('idempotency_store_down', !isUp);
    if (isUp) log.info('Redis keeps idempotency keys');
    else log.error({ cause }, 'Redis does not answer: requests with an Idempotency-Key are refused');
  };
  const load = async (): Promise<IdempotencyStore> => {
    const { openIdempotency } = await import('../storage/idempotency/open-idempotency.ts');
    const { prefix } = loaded.config.settings.redis;
    const { kept_answers: inAll, caller_share: share } = loaded.config.settings.limits;
    const quota = { inAll, perOwner: Math.floor((inAll * share) / 100) };
    const redisUrl = loaded.env.redisAnswersUrl?.reveal();
    return openIdempotency({ database, clock: systemClock, redisUrl, prefix, onState, quota });
  };
  return {
    open: () =>
      (opened ??= load().catch((error: unknown) => {
        // The next request tries again: one failure must not last until the next start.
        opened = undefined;
        throw error;
      })),
    close: async () => {
      const store = await opened?.catch(() => undefined);
      await store?.close();
    },
  };
}

/** Speeds up the notification of identity changes; without Redis they are still noticed within a second. */
async function openHints({ env, config }: LoadedConfig) {
  const url = env.redisUrl?.reveal();
  if (url === undefined) return undefined;
  const { connectRedis } = await import('../storage/redis.ts');
  const publisher = connectRedis(url, 'announce');
  // A subscribed connection cannot be used for anything else.
  const subscriber = connectRedis(url, 'listen');
  return {
    notifier: new RedisChangeNotifier(publisher, subscriber, `${config.settings.redis.prefix}identity`),
    close: () => {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

interface IdentityParts {
  readonly database: Database;
  readonly notifier: ChangeNotifier | undefined;
  readonly onAuthFailure: (door: string) => void;
}

function openCallers(options: OpenOptions, parts: IdentityParts, degradations: Degradations): Promise<Identity> {
  const { config } = options.loaded;
  degradations.store('database', true, undefined);
  return openIdentity({
    ...parts,
    clock: systemClock,
    failedAuth: config.settings.failed_auth,
    fileConsumers: config.consumers,
    memoryKeys: options.memoryKeys,
    tokens: config,
    developmentSecret: options.developmentSecret,
    onStoreChange: (isUp) => degradations.store('database', isUp, undefined),
    onLookupFailure: (error) => options.log.debug({ err: error }, 'a key or token could not be looked up'),
    onIssuerChange: (alias, isUp, reason) => degradations.issuer(alias, isUp, reason),
    onAuditFailure: (error) => options.log.error({ err: error }, 'a change is missing in the audit log'),
  });
}
