// Room identity: identifies callers. It holds consumers, keys, accounts, tokens, and the audit log of their changes.
// In it: lookups with their caches, changes and their announcement, passwords, tokens of other issuers.
// Never in it: HTTP, and what a caller may do on a route.

import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import type { Database } from '../storage/database.ts';
import { ApiKeys } from './api-keys.ts';
import { AuditLog } from './audit/audit-log.ts';
import { AuditSealer } from './audit/sealer.ts';
import { ChangeFeed } from './change-feed.ts';
import type { ChangeNotifier } from './change-notifier.ts';
import { Consumers } from './consumers.ts';
import { type Door, FailedAuth, type FailedAuthSettings } from './failed-auth.ts';
import { Erasures } from './erasure.ts';
import { createChangeReader, pruneChanges } from './identity-changes.ts';
import { KeyDirectory } from './key-directory.ts';
import type { FileConsumer, MemoryKey } from './known-key.ts';
import { LastUse } from './last-use.ts';
import { pruneRevocations } from './tokens/revocations.ts';
import { Tokens, type TokenSettings } from './tokens/tokens.ts';
import { type Accounts, openAccounts } from './users/accounts.ts';
import { pruneFamilies } from './users/refresh-families.ts';

/** Everything that identifies callers, over one database. */
export interface Identity extends Accounts {
  readonly directory: KeyDirectory;
  readonly failedAuth: FailedAuth;
  readonly keys: ApiKeys;
  readonly consumers: Consumers;
  readonly erasures: Erasures;
  readonly tokens: Tokens;
  readonly audit: AuditLog;
  readonly feed: ChangeFeed;
  /** Ends the timers and writes pending data. The caller closes the database. */
  close(): Promise<void>;
}

export interface IdentityOptions {
  /** Migrated. */
  readonly database: Database;
  readonly clock: Clock;
  readonly failedAuth: FailedAuthSettings;
  readonly fileConsumers?: readonly FileConsumer[];
  readonly memoryKeys?: readonly MemoryKey[];
  /** Without them no token is accepted. */
  readonly tokens?: TokenSettings;
  /** Signs tokens while the settings have no secret: for a development start. */
  readonly developmentSecret?: Secret | undefined;
  /** Hastens revocations between processes; without one they take up to a second. */
  readonly notifier?: ChangeNotifier | undefined;
  /** Called when the database begins or ceases to answer: for the log, `/ready` and metrics. */
  readonly onStoreChange?: (isUp: boolean) => void;
  /** Called for each lookup that failed because the store did. */
  readonly onLookupFailure?: (error: unknown) => void;
  /** Called for each failed authentication, with the endpoint where it happened. */
  readonly onAuthFailure?: (door: Door) => void;
  /** Called for each change outside the database that could not be put on record. */
  readonly onAuditFailure?: (error: unknown) => void;
  /** Called when the keys of another issuer begin or cease to be readable. */
  readonly onIssuerChange?: (alias: string, isUp: boolean, reason: string | undefined) => void;
}

const PRUNE_INTERVAL_MS = 10 * 60_000;

/**
 * Resolves when the feed of changes has been read for the first time, or after 2 s when the store does not answer:
 * nothing that is cached later can be older than what the feed reports.
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { database, clock } = options;
  const onFailure = options.onAuthFailure ?? ignore;
  const failedAuth = new FailedAuth(options.failedAuth, clock, onFailure);
  const lastUse = new LastUse(database.knex, clock);
  const directory = new KeyDirectory({
    reader: database.reader,
    clock,
    failedAuth,
    lastUse,
    ...(options.memoryKeys ? { memoryKeys: options.memoryKeys } : {}),
    ...(options.onLookupFailure ? { onFailure: options.onLookupFailure } : {}),
  });
  directory.setFileConsumers(options.fileConsumers ?? []);
  const announce = () => feed.announce();
  const tokens = new Tokens({ ...options, failedAuth, announce }, options.tokens);
  const feed = openFeed(options, directory, tokens);
  await feed.hasten();
  const keys = new ApiKeys({ database, clock, announce });
  const perAddress = options.failedAuth;
  const accounts = openAccounts({ database, clock, perAddress, failedAuth, keys, tokens, announce, onFailure });
  const sealer = new AuditSealer(database);
  const pruning = setInterval(() => void prune(database, clock.now()).catch(() => undefined), PRUNE_INTERVAL_MS);
  pruning.unref();
  return {
    directory,
    failedAuth,
    keys,
    consumers: new Consumers(database, clock, announce),
    erasures: new Erasures(database, clock, announce),
    tokens,
    ...accounts,
    audit: new AuditLog(database, clock, options.onAuditFailure ?? ignore),
    feed,
    close: async () => {
      clearInterval(pruning);
      tokens.close();
      await Promise.all([feed.close(), lastUse.close(), sealer.close()]);
    },
  };
}

async function prune({ knex }: Database, now: number): Promise<void> {
  await pruneChanges(knex, now);
  await pruneRevocations(knex, now);
  await pruneFamilies(knex, now);
}

function openFeed(options: IdentityOptions, directory: KeyDirectory, tokens: Tokens): ChangeFeed {
  const { database, clock, notifier } = options;
  let wasUp = true;
  return new ChangeFeed({
    reader: createChangeReader(database.kind, database.reader),
    clock,
    notifier,
    onChanges: (changes) => {
      directory.forget(changes);
      tokens.directory.forget(changes);
    },
    onRead: (isUp) => {
      directory.noteFeed(isUp);
      if (isUp !== wasUp) options.onStoreChange?.(isUp);
      wasUp = isUp;
    },
  });
}

function ignore(): void {
  // A caller that needs the outcome passes its own function.
}
