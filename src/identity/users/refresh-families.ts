import type { Knex } from 'knex';

/** One row for each login. */
export const FAMILIES = 'refresh_families';

/** One login by its id, or all of a consumer. */
type Families = { readonly id: string } | { readonly consumer_id: string };

/**
 * Ends logins within a greater change: none of their refresh tokens can be used any more. Resolves with when the access
 * tokens of each that was open expire at the latest, in epoch milliseconds.
 */
export async function closeFamilies(trx: Knex.Transaction, which: Families, now: number): Promise<number[]> {
  const closed: { readonly access_expires_at: number }[] = await trx(FAMILIES)
    .where({ ...which, revoked_at: null })
    .update({ revoked_at: now })
    .returning('access_expires_at');
  return closed.map(({ access_expires_at }) => access_expires_at);
}

/** Deletes logins that have expired, in which nothing can be used or stolen any more. */
export async function pruneFamilies(knex: Knex, now: number): Promise<void> {
  await knex(FAMILIES).where('expires_at', '<', now).del();
}
