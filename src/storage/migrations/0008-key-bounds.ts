import type { Knex } from 'knex';

const BOUNDS = ['models', 'routes', 'addresses'];

/** What a key is good for beside its scopes; null does not narrow. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('api_keys', (table) => {
    for (const bound of BOUNDS) table.text(bound);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('api_keys', (table) => table.dropColumns(...BOUNDS));
}
