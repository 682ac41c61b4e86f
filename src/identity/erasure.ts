import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../storage/database.ts';
import type { AuditContext } from './audit/audit-context.ts';
import { recordAudit } from './audit/record-audit.ts';
import { recordChange } from './identity-changes.ts';
import { revokeConsumer } from './tokens/revocations.ts';

/** The number of deleted rows. */
export interface Erasure {
  /** The anonymous id under which their usage is kept. */
  readonly keptAs: string;
  readonly keys: number;
  readonly logins: number;
  readonly usage: number;
}

interface Person {
  readonly id: string;
  readonly name: string;
}

const USAGE = ['usage_records', 'usage_minutes', 'usage_days'];

/**
 * Erases a consumer: its account, its keys, its logins, and its id and name in the records of usage, whose sums stay
 * under an id that names nobody. The audit log is append-only and keeps what was done, and by whom.
 */
export class Erasures {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly announce: () => Promise<void>;

  /** `announce` runs after each erasure and is awaited: then this process has noticed it too. */
  constructor(database: Database, clock: Clock, announce: () => Promise<void>) {
    this.database = database;
    this.clock = clock;
    this.announce = announce;
  }

  /** Throws NOT_FOUND. In force on every process like the revocation of a key. */
  async erase(id: string, by: AuditContext): Promise<Erasure> {
    const now = this.clock.now();
    const erasure = await this.database.knex.transaction(async (trx) => {
      const person: Person | undefined = await trx('consumers').where({ id }).forUpdate().first('id', 'name');
      if (!person) throw new GatewayError(new Rejection('NOT_FOUND', 'No consumer has this id.'));
      const done = await eraseRows(trx, person, now);
      const after = { keys: done.keys, logins: done.logins, usage: done.usage };
      await recordAudit(trx, by, { action: 'consumer.erase', subject: id, after }, now);
      return done;
    });
    await this.announce();
    return erasure;
  }
}

async function eraseRows(trx: Knex.Transaction, person: Person, now: number): Promise<Erasure> {
  const keptAs = `erased_${randomUUID().replaceAll('-', '')}`;
  const owned = { consumer_id: person.id };
  const hashes: string[] = await trx('api_keys').where(owned).pluck('hash');
  for (const subject of hashes) await recordChange(trx, { kind: 'key', subject }, now);
  await recordChange(trx, { kind: 'consumer', subject: person.id }, now);
  await revokeConsumer(trx, person.id, now);
  const keys = await trx('api_keys').where(owned).del();
  const logins = await trx('refresh_families').where(owned).del();
  await trx('users').where({ id: person.id }).del();
  await trx('consumers').where({ id: person.id }).del();
  let usage = 0;
  for (const table of USAGE)
    usage += await trx(table).whereIn('consumer', [person.id, person.name]).update({ consumer: keptAs });
  return { keptAs, keys, logins, usage };
}
