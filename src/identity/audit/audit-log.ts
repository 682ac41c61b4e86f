import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../../storage/database.ts';
import { type Page, type PageRequest, readPage } from '../page.ts';
import type { AuditContext } from './audit-context.ts';
import type { AuditRow } from './chain.ts';
import { AUDIT_TABLE, type AuditedChange, type AuditFields, recordAudit } from './record-audit.ts';

/** One audited change: its author, time, origin and content. */
export interface AuditEntry extends AuditContext {
  readonly id: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: string;
  readonly subject: string;
  readonly before: AuditFields | undefined;
  readonly after: AuditFields | undefined;
  /** Place in the chain; `undefined` until the sealer has been there. */
  readonly position: number | undefined;
  readonly hash: string | undefined;
}

/** Every field given must be equal. */
interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  /** Epoch milliseconds; only what happened then or later. */
  readonly since?: number | undefined;
}

const ID_FORM = /^\d{1,15}$/;

/** The record of changes, newest first. Writers of the database add to it in their own transactions. */
export class AuditLog {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly onFailure: (error: unknown) => void;

  /** `onFailure` is called for a change that could not be audited. */
  constructor(database: Database, clock: Clock, onFailure: (error: unknown) => void) {
    this.database = database;
    this.clock = clock;
    this.onFailure = onFailure;
  }

  /** Throws VALIDATION_ERROR on a limit or cursor that is not ours. */
  async list(request: PageRequest & AuditFilter): Promise<Page<AuditEntry>> {
    const { actor, action, subject, since } = request;
    const query = this.database.reader(AUDIT_TABLE).select('*');
    for (const [column, value] of Object.entries({ actor, action, subject }))
      if (value !== undefined) void query.where(`${AUDIT_TABLE}.${column}`, value);
    if (since !== undefined) void query.where(`${AUDIT_TABLE}.created_at`, '>=', since);
    const page = await readPage<AuditRow>(query, AUDIT_TABLE, request, ID_FORM);
    return { items: page.items.map(toEntry), nextCursor: page.nextCursor };
  }

  /**
   * Records actions outside the database, such as a reload. Never rejects: a gateway whose store is down must still
   * be able to do it.
   */
  async note(context: AuditContext, change: AuditedChange): Promise<void> {
    try {
      await this.database.knex.transaction((trx) => recordAudit(trx, context, change, this.clock.now()));
    } catch (error) {
      this.onFailure(error);
    }
  }
}

function toEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id,
    at: row.created_at,
    actor: row.actor,
    address: row.address ?? undefined,
    requestId: row.request_id ?? undefined,
    action: row.action,
    subject: row.subject,
    before: parseFields(row.before),
    after: parseFields(row.after),
    position: row.position ?? undefined,
    hash: row.hash ?? undefined,
  };
}

function parseFields(text: string | null): AuditFields | undefined {
  return text === null ? undefined : (JSON.parse(text) as AuditFields);
}
