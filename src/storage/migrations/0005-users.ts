import type { Knex } from 'knex';

/**
 * People who log in. A user is the consumer of the same id. `email` is also its name and is stored in the normalised
 * form used to compare logins.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('users', (table) => {
    table.text('id').primary().references('id').inTable('consumers');
    table.text('email').notNullable().unique();
    table.text('password_hash').notNullable();
    // Indexed, because every failing login wants to know whether imported hashes are left.
    table.text('password_scheme').notNullable().index();
    table.bigInteger('created_at').notNullable();
    table.bigInteger('updated_at').notNullable();
    table.index(['created_at', 'id']);
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('users');
}

export const users: Knex.Migration = { up, down };
