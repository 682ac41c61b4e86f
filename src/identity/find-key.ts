import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';

interface Candidate {
  readonly id: string;
  readonly prefix: string;
  readonly owner: string;
}

const MOST_SHOWN = 10;

/**
 * The id of the key that has this id, or else this prefix, or else is the only working key of this name. Throws NOT_FOUND
 * when there is none, CONFLICT with the candidates when there are several.
 */
export async function findKeyId(reader: Knex, word: string, now: number): Promise<string> {
  const byId: { id: string } | undefined = await reader('api_keys').where({ id: word }).first('id');
  if (byId) return byId.id;
  const ofPrefix = await selectCandidates(reader).where('api_keys.prefix', word.replace(/…$/, ''));
  return theOnly(word, ofPrefix) ?? theOnly(word, await working(reader, word, now)) ?? refuseUnknownKey();
}

export function refuseUnknownKey(): never {
  throw new GatewayError(new Rejection('NOT_FOUND', 'No API key has this id, prefix or name.'));
}

/** A rotated key leaves its name to the next one, so keys that have ended do not count. */
function working(reader: Knex, name: string, now: number): Knex.QueryBuilder {
  return selectCandidates(reader)
    .where({ 'api_keys.name': name, 'api_keys.revoked_at': null })
    .where((open) => void open.whereNull('api_keys.expires_at').orWhere('api_keys.expires_at', '>', now));
}

function selectCandidates(reader: Knex): Knex.QueryBuilder {
  return reader('api_keys')
    .join('consumers', 'consumers.id', 'api_keys.consumer_id')
    .select('api_keys.id', 'api_keys.prefix', 'consumers.name as owner')
    .orderBy('api_keys.id')
    .limit(MOST_SHOWN + 1);
}

function theOnly(word: string, found: readonly Candidate[]): string | undefined {
  if (found.length < 2) return found[0]?.id;
  const shown = found.slice(0, MOST_SHOWN).map(({ id, prefix, owner }) => `${id} (${prefix}… of ${owner})`);
  const more = found.length > MOST_SHOWN ? ', …' : '';
  const detail = `Several keys match ${word}: ${shown.join(', ')}${more}. Name one by its id.`;
  throw new GatewayError(new Rejection('CONFLICT', detail));
}
