import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';

/**
 * Throws CONFLICT when the consumer has `most` working keys already. Until the transaction ends nobody else can count
 * for the same consumer, so that of requests at the same time no more than fit are served.
 */
export async function refuseTooMany(trx: Knex.Transaction, consumerId: string, most: number, now: number) {
  // On SQLite the transaction holds the only write lock there is, and this is a plain read.
  await trx('consumers').where({ id: consumerId }).forUpdate().first('id');
  const [row]: { working: number | string }[] = await trx('api_keys')
    .where({ consumer_id: consumerId, revoked_at: null })
    .where((open) => void open.whereNull('expires_at').orWhere('expires_at', '>', now))
    .count('* as working');
  if (Number(row?.working) < most) return;
  const detail = `You have ${most} working keys: revoke one before you make another, or rotate with grace 0s.`;
  throw new GatewayError(new Rejection('CONFLICT', detail));
}
