import type { Knex } from 'knex';
import { recordRevocation } from '../tokens/revocations.ts';

/** One row for each login. */
export const FAMILIES = 'refresh_families';

/**
 * Ends a login within a greater change: none of its refresh tokens can be used any more, and the access tokens it gave
 * out are refused. Whoever commits the change announces it.
 */
export async function endFamily(trx: Knex.Transaction, family: string, now: number): Promise<void> {
  const ended: { readonly access_expires_at: number }[] = await trx(FAMILIES)
    .where({ id: family, revoked_at: null })
    .update({ revoked_at: now })
    .returning('access_expires_at');
  for (const { access_expires_at: until } of ended) await recordRevocation(trx, { family, until }, now);
}

/** Ends the refresh tokens of all logins of a consumer that is being disabled, which refuses its access tokens itself. */
export async function endFamiliesOf(trx: Knex.Transaction, consumerId: string, now: number): Promise<void> {
  await trx(FAMILIES).where({ consumer_id: consumerId, revoked_at: null }).update({ revoked_at: now });
}

/** Deletes logins that have expired, in which nothing can be used or stolen any more. */
export async function pruneFamilies(knex: Knex, now: number): Promise<void> {
  await knex(FAMILIES).where('expires_at', '<', now).del();
}
