import type { Knex } from 'knex';

const TABLES = ['consumers', 'api_keys'];

/**
 * Budgets written on a consumer or key, a JSON list; null where there are none. `counted_as`: the id under which the limits
 * of a key count when it has taken the place of another, so that a rotation gives no second budget.
 * `budget_counts`: what was used of budgets where there is no Redis to count it, in whole units, until the period is over.
 */
async function up(knex: Knex): Promise<void> {
  for (const name of TABLES) await knex.schema.alterTable(name, (table) => void table.text('budget'));
  await knex.schema.alterTable('api_keys', (table) => void table.text('counted_as'));
  await knex.schema.createTable('budget_counts', (table) => {
    table.text('key').primary();
    for (const name of ['ends_at', 'units']) table.bigInteger(name).notNullable();
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('budget_counts');
  await knex.schema.alterTable('api_keys', (table) => table.dropColumn('counted_as'));
  for (const name of TABLES) await knex.schema.alterTable(name, (table) => table.dropColumn('budget'));
}

export const budgets: Knex.Migration = { up, down };
