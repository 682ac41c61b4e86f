import type { Knex } from 'knex';

const TABLES = ['consumers', 'api_keys'];

/**
 * Budgets written on a consumer or key, a JSON list; null where there are none. `counted_as`: the id under which the limits
 * of a key count when it has taken the place of another, so that a rotation gives no second budget.
 */
async function up(knex: Knex): Promise<void> {
  for (const name of TABLES) await knex.schema.alterTable(name, (table) => void table.text('budget'));
  await knex.schema.alterTable('api_keys', (table) => void table.text('counted_as'));
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('api_keys', (table) => table.dropColumn('counted_as'));
  for (const name of TABLES) await knex.schema.alterTable(name, (table) => table.dropColumn('budget'));
}

export const budgets: Knex.Migration = { up, down };
