import type { Knex } from 'knex';
import type { Database } from '../../storage/database.ts';
import { type AuditRow, type ChainHead, EMPTY_CHAIN, sealRow } from './chain.ts';
import { AUDIT_TABLE } from './record-audit.ts';

const INTERVAL_MS = 1000;
/** Rows per transaction: on SQLite everybody else's writes wait meanwhile. */
const BATCH = 100;
/** Any number no other program on the server uses for its advisory locks: "audit" on a telephone's keys. */
const ADVISORY_LOCK = 28348;

/**
 * Chains the rows of the audit log, some seconds after they were written: writers need not wait for each other so. Every
 * process has a sealer and one at a time works, in a transaction, so that one that is killed leaves nothing half done.
 */
export class AuditSealer {
  private readonly database: Database;
  private readonly timer: NodeJS.Timeout;
  private running: Promise<unknown> | undefined;

  constructor(database: Database) {
    this.database = database;
    this.timer = setInterval(() => this.wake(), INTERVAL_MS).unref();
  }

  /** Seals what there is and resolves with the number of rows; 0 also when another process is sealing. */
  async seal(): Promise<number> {
    let sealed = 0;
    let count = 0;
    do {
      count = (await this.hasWork()) ? await this.database.knex.transaction((trx) => this.sealBatch(trx)) : 0;
      sealed += count;
    } while (count === BATCH);
    return sealed;
  }

  /** Ends the timer and waits for the batch that runs. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private wake(): void {
    // What cannot be sealed now is sealed later; the feed of changes reports a store that is down.
    this.running ??= this.seal()
      .catch(() => undefined)
      .finally(() => {
        this.running = undefined;
      });
  }

  /** Asked outside a transaction, which on SQLite would take the lock for nothing. */
  private async hasWork(): Promise<boolean> {
    return (await this.database.reader(AUDIT_TABLE).whereNull('position').first('id')) !== undefined;
  }

  private async sealBatch(trx: Knex.Transaction): Promise<number> {
    if (this.database.kind === 'postgres' && !(await tryLock(trx))) return 0;
    let head = await findHead(trx);
    const rows: AuditRow[] = await trx(AUDIT_TABLE).whereNull('position').orderBy('id').limit(BATCH);
    for (const row of rows) {
      head = sealRow(row, head);
      await trx(AUDIT_TABLE).where({ id: row.id }).update(head);
    }
    return rows.length;
  }
}

/** On SQLite a transaction is the lock: there is one writer at a time. */
async function tryLock(trx: Knex.Transaction): Promise<boolean> {
  const sql = 'select pg_try_advisory_xact_lock(?) as held';
  const { rows }: { rows: { held: boolean }[] } = await trx.raw(sql, [ADVISORY_LOCK]);
  return rows[0]?.held ?? false;
}

async function findHead(trx: Knex.Transaction): Promise<ChainHead> {
  const head: ChainHead | undefined = await trx(AUDIT_TABLE)
    .whereNotNull('position')
    .orderBy('position', 'desc')
    .first('position', 'hash');
  return head ?? EMPTY_CHAIN;
}
