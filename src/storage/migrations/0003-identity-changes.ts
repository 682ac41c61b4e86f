import type { Knex } from 'knex';

/**
 * The feed every process reads to drop what it has cached. On PostgreSQL rows carry their transaction's id, because
 * sequence numbers are handed out before the commit and so become visible out of order.
 */
async function up(knex: Knex): Promise<void> {
  const isPostgres = (knex.client as Knex.Client).dialect === 'postgresql';
  await knex.schema.createTable('identity_changes', (table) => {
    table.bigIncrements('seq');
    table.text('kind').notNullable();
    table.text('subject').notNullable();
    table.bigInteger('changed_at').notNullable().index();
    if (isPostgres) table.specificType('xid', 'xid8').notNullable().defaultTo(knex.raw('pg_current_xact_id()')).index();
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('identity_changes');
}

export const identityChanges: Knex.Migration = { up, down };
