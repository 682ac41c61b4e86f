import { expect, test } from '@jest/globals';
import type { Knex } from 'knex';
import { createChangeReader, pruneChanges, recordChange } from '../../src/identity/identity-changes.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';

const record = (knex: Knex, subject: string, now = 1) =>
  knex.transaction((trx) => recordChange(trx, { kind: 'key', subject }, now));

describeOnBothDatabases('The feed of identity changes', ({ kind, openMigrated }) => {
  test('reports each committed change once', async () => {
    const { knex, reader } = await openMigrated();
    await record(knex, 'before');
    const changes = createChangeReader(kind, reader);
    await expect(changes.read()).resolves.toBe('everything');
    await record(knex, 'a');
    await record(knex, 'b');
    expect((await readSubjects(changes)).sort()).toEqual(['a', 'b']);
    await expect(readSubjects(changes)).resolves.toEqual([]);
    await record(knex, 'c');
    await expect(readSubjects(changes)).resolves.toEqual(['c']);
  });

  test('says nothing of a change that was rolled back', async () => {
    const { knex, reader } = await openMigrated();
    const changes = createChangeReader(kind, reader);
    await changes.read();
    const attempt = knex.transaction(async (trx) => {
      await recordChange(trx, { kind: 'key', subject: 'never' }, 1);
      throw new Error('no');
    });
    await expect(attempt).rejects.toThrow('no');
    await expect(readSubjects(changes)).resolves.toEqual([]);
  });

  test('asks to forget everything when more changed than one read returns', async () => {
    const { knex, reader } = await openMigrated();
    const changes = createChangeReader(kind, reader);
    await changes.read();
    const rows = Array.from({ length: 5001 }, (_, i) => ({ kind: 'key', subject: `s${i}`, changed_at: 1 }));
    await knex.batchInsert('identity_changes', rows, 500);
    await expect(changes.read()).resolves.toBe('everything');
    await record(knex, 'next');
    await expect(readSubjects(changes)).resolves.toEqual(['next']);
  });

  test('keeps a day of changes', async () => {
    const { knex, reader } = await openMigrated();
    const day = 86_400_000;
    await record(knex, 'old', 0);
    await record(knex, 'new', 1);
    await pruneChanges(knex, day + 1);
    await expect(reader('identity_changes').pluck('subject')).resolves.toEqual(['new']);
  });

  if (kind === 'postgres') {
    test('loses no change that commits after later ones, and a long transaction delays no other change', async () => {
      const { knex, reader } = await openMigrated();
      const changes = createChangeReader(kind, reader);
      await changes.read();
      const slow = await knex.transaction();
      await recordChange(slow, { kind: 'key', subject: 'slow' }, 1);
      await record(knex, 'quick');
      await expect(readSubjects(changes)).resolves.toEqual(['quick']);
      await record(knex, 'quicker');
      await expect(readSubjects(changes)).resolves.toEqual(['quicker']);
      await slow.commit();
      await expect(readSubjects(changes)).resolves.toEqual(['slow']);
      await expect(readSubjects(changes)).resolves.toEqual([]);
    });
  }
});

async function readSubjects(changes: ReturnType<typeof createChangeReader>): Promise<string[]> {
  const read = await changes.read();
  if (read === 'everything') throw new Error('The reader lost its place.');
  return read.map((change) => change.subject);
}
