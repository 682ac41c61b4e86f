import type { Knex } from 'knex';

const SUMMED = ['cached_tokens', 'cache_write_tokens', 'reasoning_tokens'];

/**
 * Parts of input and output that have prices of their own. Records also say which price list was used; those from before
 * have nothing in these columns.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('usage_records', (table) => {
    for (const name of [...SUMMED, 'audio_tokens', 'image_tokens']) table.bigInteger(name);
    table.text('price_version');
  });
  await knex.schema.alterTable('usage_days', (table) => {
    for (const name of SUMMED) table.bigInteger(name).notNullable().defaultTo(0);
  });
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('usage_records', (table) => {
    for (const name of [...SUMMED, 'audio_tokens', 'image_tokens', 'price_version']) table.dropColumn(name);
  });
  await knex.schema.alterTable('usage_days', (table) => {
    for (const name of SUMMED) table.dropColumn(name);
  });
}

export const usageKinds: Knex.Migration = { up, down };
