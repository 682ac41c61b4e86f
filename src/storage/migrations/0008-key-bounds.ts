import type { Knex } from 'knex';

const BOUNDS = ['models', 'routes', 'addresses'];

/** What a key is good for beside its scopes; null does not narrow. */
async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('api_keys', (table) => {
    for (const bound of BOUNDS) table.text(bound);
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('api_keys', (table) => table.dropColumns(...BOUNDS));
}

export const keyBounds: Knex.Migration = { up, down };
