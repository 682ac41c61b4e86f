import type { Knex } from 'knex';

/** Times are epoch milliseconds; JSON is kept as text because SQLite has no type for it. */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('consumers', (table) => {
    table.text('id').primary();
    table.text('name').notNullable().unique();
    table.text('tier');
    table.text('status').notNullable();
    table.text('permissions').notNullable();
    table.text('rate_limit');
    table.bigInteger('created_at').notNullable();
    table.bigInteger('updated_at').notNullable();
    table.index(['created_at', 'id']);
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('consumers');
}

export const consumers: Knex.Migration = { up, down };
