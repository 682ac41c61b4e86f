import type { Knex } from 'knex';

/**
 * `users.vouched_by`: the administrator who made the account; null when it registered itself, and then nobody has verified
 * its address. `api_keys.managed`: 1 when somebody else than its owner issued it, and `self_service`: 1 when the owner may
 * rotate and revoke it all the same. `consumers.models`: as on keys, null does not narrow.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('users', (table) => void table.text('vouched_by'));
  await knex.schema.alterTable('consumers', (table) => void table.text('models'));
  await knex.schema.alterTable('api_keys', (table) => {
    table.integer('managed').notNullable().defaultTo(1);
    table.integer('self_service').notNullable().defaultTo(0);
  });
  for (const statement of FROM_THE_AUDIT_LOG) await knex.raw(statement);
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('api_keys', (table) => table.dropColumns('managed', 'self_service'));
  await knex.schema.alterTable('consumers', (table) => table.dropColumn('models'));
  await knex.schema.alterTable('users', (table) => table.dropColumn('vouched_by'));
}

/** The audit log shows who created earlier rows; without an entry, accounts count as self-made and keys as issued. */
const FROM_THE_AUDIT_LOG = [
  `update users set vouched_by = (select max(actor) from audit_log
     where action = 'user.create' and subject = users.id and actor <> 'anybody')`,
  `update api_keys set managed = 0 where exists (select 1 from audit_log
     where action = 'key.issue' and subject = api_keys.id and actor = api_keys.consumer_id)`,
  // Self-registered accounts were given every permission by default; one that an administrator has granted since stays.
  `update consumers set permissions = '[]' where permissions = '["*"]'
     and id in (select id from users where vouched_by is null)
     and not exists (select 1 from audit_log where action = 'consumer.update' and subject = consumers.id
       and after like '%"permissions":["*"]%' and before not like '%"permissions":["*"]%')`,
];

export const accountOwners: Knex.Migration = { up, down };
