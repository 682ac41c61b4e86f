import { expect, test } from '@jest/globals';
import pg from 'pg';
import { until } from './poll.ts';
import { describeWithPostgres } from './server-suite.ts';

describeWithPostgres(
  'a PostgreSQL server for tests',
  (postgres) => {
    test('gives an empty database at each address', async () => {
      const other = await postgres().createDatabase();
      await query(postgres().url, 'CREATE TABLE a (n int)');
      await expect(query(other, 'SELECT * FROM a')).rejects.toMatchObject({ code: '42P01' });
    });

    test('keeps committed rows over a kill and comes back on the same port', async () => {
      await query(postgres().url, 'CREATE TABLE kept AS SELECT 7 AS n');
      await postgres().kill();
      await expect(query(postgres().url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await postgres().restart();
      expect(await query(postgres().url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
    });

    test('answers no open session while it is paused', async () => {
      const client = new pg.Client(postgres().url);
      await client.connect();
      postgres().pause();
      let isAnswered = false;
      const answer = client.query('SELECT 1').finally(() => (isAnswered = true));
      await expect(until(() => isAnswered, { timeoutMs: 100 })).rejects.toThrow('Not true within 100 ms');
      postgres().resume();
      await answer;
      await client.end();
    });
  },
  { own: true },
);

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
