import type { Knex } from 'knex';

/** Rows may go once `expires_at` has passed: what they refuse has expired by itself. */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('token_revocations', (table) => {
    table.text('id').primary();
    table.text('kind').notNullable();
    table.text('subject').notNullable();
    table.bigInteger('revoked_at').notNullable();
    table.bigInteger('expires_at').notNullable().index();
    table.index(['subject', 'kind']);
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('token_revocations');
}

export const tokenRevocations: Knex.Migration = { up, down };
