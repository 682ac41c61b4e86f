import type { Knex } from 'knex';

/**
 * A family is one login; each use of its refresh token puts the next one in its place. Used tokens stay as long as
 * their family, so that a second use differs from an unknown token. `hash` is the SHA-256 of the token in hex:
 * the token itself is never stored.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('refresh_families', (table) => {
    table.text('id').primary();
    table.text('consumer_id').notNullable().references('id').inTable('consumers').index();
    table.bigInteger('created_at').notNullable();
    table.bigInteger('expires_at').notNullable().index();
    // When the last access token given out in this family expires: so long its revocation must be remembered.
    table.bigInteger('access_expires_at').notNullable();
    table.bigInteger('revoked_at');
  });
  await knex.schema.createTable('refresh_tokens', (table) => {
    table.text('hash').primary();
    table.text('family').notNullable().references('id').inTable('refresh_families').onDelete('CASCADE').index();
    table.bigInteger('created_at').notNullable();
    table.bigInteger('used_at');
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('refresh_tokens');
  await knex.schema.dropTable('refresh_families');
}

export const refreshTokens: Knex.Migration = { up, down };
