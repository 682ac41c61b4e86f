// One contract for both databases: a suite that is described here runs on SQLite and on PostgreSQL.
import { afterEach, describe } from '@jest/globals';
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
    const folders: string[] = [];
    const maker = makeMaker('sqlite', async () => {
      const folder = makeTempDir('sqlite');
      folders.push(folder);
      return `sqlite:${folder}/test.db`;
    });
    body(maker);
    afterEach(() => folders.splice(0).forEach(removeTempDir));
  });
  describeWithPostgres(`${name} on PostgreSQL`, (postgres) =>
    body(makeMaker('postgres', () => postgres().createDatabase())),
  );
}

function makeMaker(kind: DatabaseMaker['kind'], makeAddress: () => Promise<string>): DatabaseMaker {
  const opened: Database[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
  });
  const open = async (address: string) => {
    const database = await openDatabase(address);
    opened.push(database);
    return database;
  };
  const openMigrated = async () => {
    const database = await open(await makeAddress());
    await migrateDatabase(database);
    return database;
  };
  return { kind, makeAddress, open, openMigrated };
}
