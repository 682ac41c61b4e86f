import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import { type NameOwner, ownsName } from './name-owner.ts';

interface NamedConsumer {
  readonly id: string;
  readonly name: string;
}

/** The stored consumer that has this id, or else exactly this name. Throws NOT_FOUND. */
export async function findConsumer(reader: Knex, word: string): Promise<NamedConsumer> {
  return (await lookUp(reader, word)) ?? refuseUnknownConsumer();
}

/**
 * What usage is recorded under for a word: the id of a stored consumer or of one in the file, or a subject of tokens.
 * Throws NOT_FOUND for a word that nobody has, CONFLICT when it is the name of one and stands for another too.
 */
export async function findUsageConsumer(reader: Knex, word: string, inFile: readonly NamedConsumer[]): Promise<string> {
  const stored = await lookUp(reader, word);
  if (stored?.id === word || inFile.some(({ id }) => id === word)) return word;
  const row: unknown = await reader('usage_days').where({ consumer: word }).first('consumer');
  const named = inFile.filter(({ name }) => name === word).map(({ id }) => id);
  const ids = [...(stored ? [stored.id] : []), ...named, ...(row === undefined ? [] : [word])];
  if (ids.length > 1) {
    const reason = `Usage of several consumers goes by ${word}: it is recorded under ${ids.join(' and ')}.`;
    throw conflict(`${reason} Name one by its id, or group by consumer without this filter.`);
  }
  return ids[0] ?? refuseUnknownConsumer();
}

/** Throws CONFLICT when the name is the address of an account that registered itself. */
export async function refuseUnverified(reader: Knex, { id, name }: NamedConsumer): Promise<void> {
  const user: NameOwner | undefined = await reader('users').where({ id }).first('id', 'vouched_by');
  if (!user || ownsName(user)) return;
  const reason = `The account ${id} registered the address ${name} itself, and nobody has verified that it is theirs.`;
  throw conflict(`${reason} Name the account by its id, ${id}, if you mean it.`);
}

export function refuseUnknownConsumer(): never {
  throw new GatewayError(new Rejection('NOT_FOUND', 'No consumer has this id or name.'));
}

async function lookUp(reader: Knex, word: string): Promise<NamedConsumer | undefined> {
  const rows: NamedConsumer[] = await reader('consumers').select('id', 'name').where('id', word).orWhere('name', word);
  return rows.find(({ id }) => id === word) ?? rows[0];
}

function conflict(detail: string): GatewayError {
  return new GatewayError(new Rejection('CONFLICT', detail));
}
