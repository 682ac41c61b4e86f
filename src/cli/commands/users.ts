import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { tierMistake } from '../../config/checks/tier-names.ts';
import { Consumers } from '../../identity/consumers.ts';
import { Erasures } from '../../identity/erasure.ts';
import { isStoredId } from '../../identity/name-owner.ts';
import { Passwords } from '../../identity/users/passwords.ts';
import { type User, Users } from '../../identity/users/users.ts';
import { systemClock } from '../../lib/clock.ts';
import { migrateDatabase } from '../../storage/migrate.ts';
import { byOperator } from '../by-operator.ts';
import { renderTable } from '../table.ts';
import { UsageError } from '../failure.ts';
import { withDatabase } from '../with-database.ts';

interface UserOptions {
  readonly config: string;
}

interface CreateOptions extends UserOptions {
  readonly tier?: string;
  readonly passwordStdin?: boolean;
  readonly passwordHash?: string;
}

/** The stored users, and the consumers that carry their tier and status. */
interface Stored {
  readonly users: Users;
  readonly consumers: Consumers;
  readonly erasures: Erasures;
  /** Throws a UsageError when the configuration does not know the tier. */
  readonly checkTier: (tier: string | undefined) => void;
}

const LONGEST_PAGE = 200;

/** A password that is made here goes to standard output and all else to standard error. None is ever an argument. */
export async function createUser(email: string, options: CreateOptions): Promise<void> {
  const { tier, passwordHash, passwordStdin = false } = options;
  if (passwordStdin && passwordHash !== undefined)
    throw new UsageError('Give either --password-stdin or --password-hash');
  const given = passwordStdin ? await readPassword() : undefined;
  await withUsers(
    options,
    async ({ users, checkTier }) => {
      checkTier(tier);
      if (passwordHash !== undefined) return report(await users.adopt({ email, tier, passwordHash }, byOperator()));
      const password = given ?? randomBytes(18).toString('base64url');
      report(await users.create({ email, tier, password }, byOperator()));
      if (given === undefined) console.log(password);
    },
    true,
  );
}

export async function listUsers(options: UserOptions): Promise<void> {
  await withUsers(options, async ({ users }) => {
    const rows: string[][] = [['ID', 'EMAIL', 'TIER', 'STATUS', 'CREATED']];
    let cursor: string | undefined;
    do {
      const page = await users.list({ limit: LONGEST_PAGE, cursor });
      rows.push(...page.items.map(cellsOf));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    for (const line of renderTable(rows)) console.log(line);
  });
}

export async function setTier(email: string, tier: string, options: UserOptions): Promise<void> {
  await withUsers(options, async ({ users, consumers, checkTier }) => {
    checkTier(tier);
    const { id } = await users.get(email);
    await consumers.patch(id, { tier }, byOperator());
    console.error(`${email} is on tier ${tier}; running gateways follow within 2 s`);
  });
}

export async function disableUser(email: string, options: UserOptions): Promise<void> {
  await withUsers(options, async ({ users, consumers }) => {
    const { id } = await users.get(email);
    await consumers.patch(id, { status: 'disabled' }, byOperator());
    console.error(`${email} is disabled; running gateways refuse its keys and tokens within 2 s`);
  });
}

export async function eraseUser(user: string, options: UserOptions): Promise<void> {
  await withUsers(options, async ({ users, erasures }) => {
    const id = isStoredId(user) ? user : (await users.get(user)).id;
    const { keptAs, keys, logins, usage } = await erasures.erase(id, byOperator());
    console.error(`${user} is erased: ${keys} keys and ${logins} logins are gone; running gateways follow within 2 s.`);
    console.error(`${usage} records of usage are kept as ${keptAs}, which names nobody.`);
  });
}

/** Running gateways read every change from the database; nothing else needs a notification. */
async function withUsers(
  { config: file }: UserOptions,
  work: (stored: Stored) => Promise<void>,
  create = true,
): Promise<void> {
  await withDatabase(file, { create }, async (database, { config }) => {
    await migrateDatabase(database);
    const checkTier = (tier: string | undefined): void => {
      const mistake = tierMistake(tier, config.tiers);
      if (mistake !== undefined) throw new UsageError(`Cannot set the tier: ${mistake}`);
    };
    const users = new Users(database, systemClock, new Passwords());
    const consumers = new Consumers(database, systemClock, () => Promise.resolve());
    const erasures = new Erasures(database, systemClock, () => Promise.resolve());
    await work({ users, consumers, erasures, checkTier });
  });
}

/** The first line; what a terminal shows while it is typed is the terminal's business. */
async function readPassword(): Promise<string> {
  const [password = ''] = (await text(process.stdin)).split(/\r?\n/, 1);
  return password;
}

function report({ id, email, tier }: User): void {
  console.error(`User ${id} with the address ${email}${tier === undefined ? '' : ` on tier ${tier}`} is created.`);
}

function cellsOf({ id, email, tier, status, createdAt }: User): string[] {
  return [id, email, tier ?? '-', status, `${new Date(createdAt).toISOString().slice(0, 19)}Z`];
}
