import type { Knex } from 'knex';

/** A change that one process reports to the others through the table `identity_changes`. */
export interface IdentityChange {
  readonly kind: 'key' | 'consumer' | 'token';
  /** Hash of the key, id of the consumer, or what a token revocation names: `jti:…`, `family:…`, `consumer:…`. */
  readonly subject: string;
}

const TABLE = 'identity_changes';
const KEPT_MS = 24 * 60 * 60 * 1000;
/** More changes than this between two reads are answered by forgetting everything that is cached. */
const MOST_READ = 5000;

/** Must run in the transaction of the change itself: then no process can see one without the other. */
export async function recordChange(trx: Knex.Transaction, change: IdentityChange, now: number): Promise<void> {
  await trx(TABLE).insert({ kind: change.kind, subject: change.subject, changed_at: now });
}

/** Deletes what every process has read long ago. */
export async function pruneChanges(knex: Knex, now: number): Promise<void> {
  await knex(TABLE)
    .where('changed_at', '<', now - KEPT_MS)
    .del();
}

/** Reads the feed from where the last read ended. Not for concurrent use. */
export interface ChangeReader {
  /** Changes committed since the last read, or `everything` if they are unknown, as at the first read. */
  read(): Promise<readonly IdentityChange[] | 'everything'>;
}

export function createChangeReader(kind: 'sqlite' | 'postgres', reader: Knex): ChangeReader {
  return kind === 'sqlite' ? new SequenceReader(reader) : new SnapshotReader(reader);
}

/** SQLite writes one transaction at a time, so sequence numbers become visible in order. */
class SequenceReader implements ChangeReader {
  private readonly knex: Knex;
  private seen: number | undefined;

  constructor(knex: Knex) {
    this.knex = knex;
  }

  async read(): Promise<readonly IdentityChange[] | 'everything'> {
    if (this.seen === undefined) {
      this.seen = await this.findLast();
      return 'everything';
    }
    const rows: (IdentityChange & { seq: number })[] = await this.knex(TABLE)
      .select('seq', 'kind', 'subject')
      .where('seq', '>', this.seen)
      .orderBy('seq')
      .limit(MOST_READ);
    this.seen = rows.at(-1)?.seq ?? this.seen;
    if (rows.length < MOST_READ) return rows;
    this.seen = await this.findLast();
    return 'everything';
  }

  private async findLast(): Promise<number> {
    const [row]: { last: number | null }[] = await this.knex(TABLE).max('seq as last');
    return row?.last ?? 0;
  }
}

interface SnapshotRow {
  readonly oldest: string;
  readonly seq: number | null;
  readonly kind: IdentityChange['kind'];
  readonly subject: string;
}

/**
 * PostgreSQL commits out of order. Each read begins at the oldest transaction that was still running at the read
 * before, so a late commit is never skipped; what was already reported is remembered by sequence number. Rows newer
 * than the oldest running transaction are reported at once: a long report elsewhere must not delay a revocation.
 */
class SnapshotReader implements ChangeReader {
  private readonly knex: Knex;
  private from: bigint | undefined;
  private reported = new Set<number>();

  constructor(knex: Knex) {
    this.knex = knex;
  }

  async read(): Promise<readonly IdentityChange[] | 'everything'> {
    const rows = await this.select();
    const oldest = BigInt((rows[0] as SnapshotRow).oldest);
    // Transaction ids start afresh when the database was restored into another cluster.
    const isContinuous = this.from !== undefined && oldest >= this.from;
    this.from = oldest;
    const changes = rows.filter((row) => row.seq !== null);
    const fresh = changes.filter((row) => !this.reported.has(row.seq as number));
    this.reported = new Set(changes.map((row) => row.seq as number));
    return isContinuous && changes.length < MOST_READ ? fresh : 'everything';
  }

  private async select(): Promise<SnapshotRow[]> {
    const result: { rows: SnapshotRow[] } = await this.knex.raw(
      `select s.oldest::text as oldest, c.seq, c.kind, c.subject
         from (select pg_snapshot_xmin(pg_current_snapshot()) as oldest) s
         left join ${TABLE} c on c.xid >= coalesce(?::xid8, s.oldest)
        order by c.seq desc nulls last limit ${MOST_READ}`,
      [this.from === undefined ? null : String(this.from)],
    );
    return result.rows;
  }
}
