import type { Knex } from 'knex';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Database } from '../../storage/database.ts';
import { isUniqueViolation } from '../../storage/database-error.ts';
import { ANYBODY_ACTOR, type AuditContext } from '../audit/audit-context.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { type ConsumerStatus, insertConsumer, type StoredBudget } from '../consumers.ts';
import { type Page, type PageRequest, readPage } from '../page.ts';
import { normalizeEmail } from './email.ts';
import { type PasswordScheme, schemeOf } from './password-format.ts';
import { checkNewPassword, type Passwords } from './passwords.ts';

/** A person who logs in; the consumer of the same id holds everything else. */
export interface User {
  readonly id: string;
  /** Normalised. */
  readonly email: string;
  readonly tier: string | undefined;
  readonly status: ConsumerStatus;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface NewUser {
  readonly email: string;
  readonly tier?: string | undefined;
  /** Everything unless given. */
  readonly permissions?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly budget?: StoredBudget | undefined;
}

/** A user with what a login needs to know. */
export interface UserWithPassword extends User {
  readonly passwordHash: string;
}

interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly password_hash: string;
  readonly password_scheme: PasswordScheme;
  readonly vouched_by: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

interface OwnedUserRow extends UserRow {
  readonly tier: string | null;
  readonly status: ConsumerStatus;
}

const TABLE = 'users';
const COLUMNS = ['users.*', 'consumers.tier', 'consumers.status'];
/** Ids of users differ from those of other consumers, so a user is recognised without the database. */
const ID_PREFIX = 'usr';

/** The stored users. Tier and status are changed on the consumer of the same id. */
export class Users {
  private readonly database: Database;
  private readonly clock: Clock;
  private readonly passwords: Passwords;

  constructor(database: Database, clock: Clock, passwords: Passwords) {
    this.database = database;
    this.clock = clock;
    this.passwords = passwords;
  }

  /** Throws VALIDATION_ERROR for what can be no account; costs nothing. */
  check(fields: { readonly email: string; readonly password: string }): void {
    normalizeEmail(fields.email);
    checkNewPassword(fields.password);
  }

  /** Throws VALIDATION_ERROR, CONFLICT when the address is known, or OVERLOADED. */
  async create(fields: NewUser & { readonly password: string }, by: AuditContext): Promise<User> {
    const email = normalizeEmail(fields.email);
    checkNewPassword(fields.password);
    const { password, ...rest } = fields;
    return this.insert({ ...rest, email }, await this.passwords.hash(password), by);
  }

  /** Takes over a user with the bcrypt or argon2id hash of its password; it is renewed at the next login. */
  async adopt(fields: NewUser & { readonly passwordHash: string }, by: AuditContext): Promise<User> {
    if (schemeOf(fields.passwordHash) === undefined) refuseHash();
    const { passwordHash, email, ...rest } = fields;
    return this.insert({ ...rest, email: normalizeEmail(email) }, passwordHash, by);
  }

  /** Newest first. */
  async list(request: PageRequest): Promise<Page<User>> {
    const page = await readPage<OwnedUserRow>(selectOwned(this.database.reader), TABLE, request);
    return { items: page.items.map(fromRow), nextCursor: page.nextCursor };
  }

  /** Throws NOT_FOUND, or VALIDATION_ERROR if the text is not an address. */
  async get(email: string): Promise<User> {
    return (await this.findWithPassword(normalizeEmail(email))) ?? refuseUnknown();
  }

  /** `email` is normalised. */
  async findWithPassword(email: string): Promise<UserWithPassword | undefined> {
    const row: OwnedUserRow | undefined = await selectOwned(this.database.reader).where({ email }).first();
    return row && { ...fromRow(row), passwordHash: row.password_hash };
  }

  /** Puts a better hash of the same password in place; nothing happens when it was replaced meanwhile. */
  async renewHash(user: UserWithPassword, passwordHash: string): Promise<void> {
    await this.database
      .knex(TABLE)
      .where({ id: user.id, password_hash: user.passwordHash })
      .update({ ...passwordColumns(passwordHash), updated_at: this.clock.now() });
  }

  /** Whether there are hashes that came from elsewhere and have not been renewed yet. */
  async hasImportedHashes(): Promise<boolean> {
    const row: unknown = await this.database.reader(TABLE).where({ password_scheme: 'bcrypt' }).first('id');
    return row !== undefined;
  }

  private async insert(fields: NewUser, passwordHash: string, by: AuditContext): Promise<User> {
    const now = this.clock.now();
    const { email, tier, ...rights } = fields;
    const vouched = { vouched_by: by.actor === ANYBODY_ACTOR ? null : by.actor };
    try {
      return await this.database.knex.transaction(async (trx) => {
        const { id, status } = await insertConsumer(trx, { ...rights, tier, name: email }, now, ID_PREFIX);
        const times = { created_at: now, updated_at: now };
        const row: UserRow = { id, email, ...passwordColumns(passwordHash), ...vouched, ...times };
        await trx(TABLE).insert(row);
        await recordAudit(trx, by, { action: 'user.create', subject: id, after: { email, tier, ...rights } }, now);
        return { id, email, tier, status, createdAt: now };
      });
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new GatewayError(new Rejection('CONFLICT', 'This e-mail address is taken.'), error);
    }
  }
}

function selectOwned(knex: Knex): Knex.QueryBuilder {
  return knex(TABLE).join('consumers', 'consumers.id', 'users.id').select(COLUMNS);
}

function passwordColumns(passwordHash: string): Pick<UserRow, 'password_hash' | 'password_scheme'> {
  return { password_hash: passwordHash, password_scheme: schemeOf(passwordHash) ?? refuseHash() };
}

function fromRow(row: OwnedUserRow): User {
  const { id, email, status } = row;
  return { id, email, tier: row.tier ?? undefined, status, createdAt: row.created_at };
}

function refuseHash(): never {
  const detail = 'The hash must be bcrypt with a cost from 4 to 15, or argon2id as a PHC string.';
  throw new GatewayError(new Rejection('VALIDATION_ERROR', detail));
}

function refuseUnknown(): never {
  throw new GatewayError(new Rejection('NOT_FOUND', 'No user has this e-mail address.'));
}
