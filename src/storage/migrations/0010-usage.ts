import type { Knex } from 'knex';

/**
 * `usage_records`: one row per request to a model or against a budget, kept for `settings.usage.retention`. Money is in
 * billionths of a dollar, times in epoch milliseconds. `usage_minutes`: how many requests of any kind a process (`instance`)
 * answered in a minute since the epoch, kept as long. `usage_days`: sums of both per day since the epoch (UTC), kept.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('usage_records', (table) => {
    table.text('id').primary();
    table.text('request_id').notNullable();
    table.text('consumer').notNullable();
    for (const name of ['credential', 'tier', 'lob']) table.text(name);
    table.text('action').notNullable();
    table.text('service').notNullable();
    for (const name of ['model_asked', 'model', 'target']) table.text(name);
    table.integer('status');
    for (const name of ['input_tokens', 'output_tokens']) table.bigInteger(name).notNullable();
    table.integer('is_estimated').notNullable();
    for (const name of ['cost_nano_usd', 'started_at', 'settled_at']) table.bigInteger(name).notNullable();
    table.index(['started_at', 'id']);
    table.index(['consumer', 'started_at']);
  });
  await knex.schema.createTable('usage_minutes', (table) => {
    table.text('consumer').notNullable();
    table.bigInteger('minute').notNullable();
    for (const name of ['instance', 'service', 'route']) table.text(name).notNullable();
    for (const name of ['status', 'is_recorded']) table.integer(name).notNullable();
    table.bigInteger('requests').notNullable();
    table.primary(['consumer', 'minute', 'instance', 'service', 'route', 'status', 'is_recorded']);
    table.index('minute');
  });
  await knex.schema.createTable('usage_days', (table) => {
    table.bigInteger('day').notNullable();
    for (const name of ['consumer', 'service', 'model']) table.text(name).notNullable();
    for (const name of ['requests', 'failures', 'estimated', 'input_tokens', 'output_tokens', 'cost_nano_usd'])
      table.bigInteger(name).notNullable();
    table.primary(['day', 'consumer', 'service', 'model']);
    table.index(['consumer', 'day']);
  });
}

async function down(knex: Knex): Promise<void> {
  for (const name of ['usage_records', 'usage_minutes', 'usage_days']) await knex.schema.dropTable(name);
}

export const usage: Knex.Migration = { up, down };
