import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import { canonicalJson } from '../../lib/canonical-json.ts';
import type { AuditContext } from './audit-context.ts';

/** The fields of a subject as they are recorded. Durable names and values: `rate_limit`, times in epoch milliseconds. */
export type AuditFields = Readonly<Record<string, unknown>>;

export interface AuditedChange {
  /** `<what>.<verb>`: `key.revoke`. */
  readonly action: string;
  /** Id of what was changed. */
  readonly subject: string;
  /** Left out when there was nothing before, as at a creation. */
  readonly before?: AuditFields | undefined;
  /** Left out when nothing is there any more. */
  readonly after?: AuditFields | undefined;
}

export const AUDIT_TABLE = 'audit_log';

/** Writers leave these out themselves; one that forgets must not make a log that can never be cleaned. */
const SECRET_FIELDS = new Set(['hash', 'key', 'api_key', 'password', 'password_hash', 'secret', 'token']);

/**
 * Puts one change on record. Must run in the transaction of the change itself: then neither exists without the other.
 * Of a subject that was and is, only the fields that differ are kept; when none does, nothing is put on record.
 */
export async function recordAudit(
  trx: Knex.Transaction,
  context: AuditContext,
  change: AuditedChange,
  now: number,
): Promise<void> {
  const { before, after } = narrowToDifference(withoutSecrets(change.before), withoutSecrets(change.after));
  if (before && after && Object.keys({ ...before, ...after }).length === 0) return;
  await trx(AUDIT_TABLE).insert({
    created_at: now,
    actor: context.actor,
    address: context.address ?? null,
    request_id: context.requestId ?? null,
    action: change.action,
    subject: change.subject,
    before: before ? canonicalJson(before) : null,
    after: after ? canonicalJson(after) : null,
  });
}

function withoutSecrets(fields: AuditFields | undefined): AuditFields | undefined {
  return fields && Object.fromEntries(Object.entries(fields).filter(([name]) => !SECRET_FIELDS.has(name)));
}

function narrowToDifference(before: AuditFields | undefined, after: AuditFields | undefined) {
  if (!before || !after) return { before, after };
  const pick = (from: AuditFields, other: AuditFields) =>
    Object.fromEntries(Object.entries(from).filter(([name, value]) => !isDeepStrictEqual(value, other[name])));
  return { before: pick(before, after), after: pick(after, before) };
}
