// One contract for both databases: a suite that is described here runs on SQLite and on PostgreSQL.
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe } from '@jest/globals';
import { type Database, openDatabase } from '../../src/storage/database.ts';
import { migrateDatabase } from '../../src/storage/migrate.ts';
import { describeWithPostgres } from './server-suite.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

export interface DatabaseMaker {
  readonly kind: 'sqlite' | 'postgres';
  /** The address of a new, empty database. */
  makeAddress(): Promise<string>;
  /** Opens a database that is closed after the test. */
  open(address: string): Promise<Database>;
  /** A new database with the schema in place, closed after the test. */
  openMigrated(): Promise<Database>;
}

export function describeOnBothDatabases(name: string, body: (maker: DatabaseMaker) => void): void {
  describe(`${name} on SQLite`, () => {
    const folder = makeTempDir('sqlite');
    let made = 0;
    body(
      makeMaker('sqlite', async (template) => {
        const file = join(folder, `${++made}.db`);
        if (template !== undefined) copySqlite(template.replace('sqlite:', ''), file);
        return `sqlite:${file}`;
      }),
    );
    afterAll(() => removeTempDir(folder));
  });
  describeWithPostgres(`${name} on PostgreSQL`, (postgres) =>
    body(makeMaker('postgres', (template) => postgres().createDatabase(template))),
  );
}

/** The schema is made once per suite and copied from then on: a migration costs ten times as much as a copy. */
function makeMaker(kind: DatabaseMaker['kind'], makeAddress: (template?: string) => Promise<string>): DatabaseMaker {
  const opened: Database[] = [];
  let template: Promise<string> | undefined;
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
  });
  const open = async (address: string) => {
    const database = await openDatabase(address);
    opened.push(database);
    return database;
  };
  const openMigrated = async () => {
    template ??= makeMigrated(await makeAddress());
    return open(await makeAddress(await template));
  };
  return { kind, makeAddress: () => makeAddress(), open, openMigrated };
}

/** With the write-ahead log, which a last connection that only reads leaves in place. */
function copySqlite(from: string, to: string): void {
  for (const part of ['', '-wal']) if (existsSync(from + part)) copyFileSync(from + part, to + part);
}

async function makeMigrated(address: string): Promise<string> {
  const database = await openDatabase(address);
  try {
    await migrateDatabase(database);
  } finally {
    await database.close();
  }
  return address;
}
