import type { Knex } from 'knex';

/**
 * One row per key that a caller has used. `lease` names the claim while its request runs; then `status`, `headers` (JSON)
 * and `body` are the answer, or all three are null when it was not kept. Rows may go once `expires_at` has passed.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('idempotency_keys', (table) => {
    // SHA-256 in hex of the caller and the key, and of the request.
    table.text('key').primary();
    table.text('fingerprint').notNullable();
    table.text('lease');
    table.bigInteger('expires_at').notNullable().index();
    table.integer('status');
    table.text('headers');
    table.binary('body');
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('idempotency_keys');
}

export const idempotency: Knex.Migration = { up, down };
