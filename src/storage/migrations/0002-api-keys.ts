import type { Knex } from 'knex';

/** `hash` is the SHA-256 of the whole key in hex: the key itself is never stored. */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('api_keys', (table) => {
    table.text('id').primary();
    table.text('hash').notNullable().unique();
    table.text('consumer_id').notNullable().references('id').inTable('consumers');
    table.text('prefix').notNullable();
    table.text('name');
    table.text('scopes');
    table.text('rate_limit');
    table.bigInteger('expires_at');
    table.bigInteger('revoked_at');
    table.text('replaced_by');
    table.bigInteger('created_at').notNullable();
    table.bigInteger('last_used_at');
    table.index(['created_at', 'id']);
    table.index(['consumer_id', 'created_at', 'id']);
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('api_keys');
}

export const apiKeys: Knex.Migration = { up, down };
