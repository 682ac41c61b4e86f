import type { Knex } from 'knex';

/**
 * Rows are written with the changes they record and sealed later: `position` and `hash` are filled in once, by one
 * process at a time, in the order of the chain. Everything else is append-only, and the database itself insists on it
 * as far as its triggers go; the chain detects changes by a user who can drop a trigger.
 */
async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable('audit_log', (table) => {
    table.bigIncrements('id');
    table.bigInteger('created_at').notNullable();
    table.text('actor').notNullable();
    table.text('address');
    table.text('request_id');
    table.text('action').notNullable();
    table.text('subject').notNullable();
    table.text('before');
    table.text('after');
    table.bigInteger('position').unique();
    table.text('hash');
    for (const column of ['actor', 'action', 'subject']) table.index([column, 'created_at', 'id']);
    table.index(['created_at', 'id']);
  });
  await knex.raw('create index audit_log_unsealed on audit_log (id) where position is null');
  const isPostgres = (knex.client as Knex.Client).dialect === 'postgresql';
  for (const statement of isPostgres ? POSTGRES_GUARDS : SQLITE_GUARDS) await knex.raw(statement);
}

async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable('audit_log');
  const isPostgres = (knex.client as Knex.Client).dialect === 'postgresql';
  if (isPostgres) await knex.raw('drop function guard_audit_log');
}

const REFUSAL = 'the audit log is append-only';

const CONTENT = ['id', 'created_at', 'actor', 'address', 'request_id', 'action', 'subject', 'before', 'after'];

/** `is not` and `is distinct from` compare as `<>` does and take null for a value. */
function changesContent(comparison: string): string {
  return CONTENT.map((column) => `new.${column} ${comparison} old.${column}`).join(' or ');
}

const SQLITE_GUARDS = [
  `create trigger audit_log_keep before delete on audit_log
   begin select raise(abort, '${REFUSAL}'); end`,
  `create trigger audit_log_seal before update on audit_log
   when old.position is not null or new.position is null or new.hash is null or ${changesContent('is not')}
   begin select raise(abort, '${REFUSAL}'); end`,
  // An insert that replaces a row deletes it without asking the trigger for deletions.
  `create trigger audit_log_append before insert on audit_log
   when new.position is not null or new.hash is not null or exists (select 1 from audit_log where id = new.id)
   begin select raise(abort, '${REFUSAL}'); end`,
];

const POSTGRES_GUARDS = [
  `create function guard_audit_log() returns trigger language plpgsql as $$
   begin
     if tg_op = 'INSERT' and new.position is null and new.hash is null then return new; end if;
     if tg_op = 'UPDATE' then
       if old.position is null and new.position is not null and new.hash is not null
          and not (${changesContent('is distinct from')}) then return new; end if;
     end if;
     raise exception '${REFUSAL}' using errcode = 'restrict_violation';
   end $$`,
  `create trigger audit_log_guard before insert or update or delete on audit_log
   for each row execute function guard_audit_log()`,
  `create trigger audit_log_keep before truncate on audit_log
   for each statement execute function guard_audit_log()`,
];

export const audit: Knex.Migration = { up, down };
