import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Database } from '../../src/storage/database.ts';
import { readReport } from '../../src/usage/usage-report.ts';
import { type MinuteCount, UsageStore } from '../../src/usage/usage-store.ts';
import { describeOnBothDatabases } from '../support/database-suite.ts';
import { NOON, recordId, recordText } from '../support/usage-records.ts';

const DAY_MS = 86_400_000;
const MINUTE = Math.floor(NOON / 60_000);

describeOnBothDatabases('usage records', ({ openMigrated }) => {
  test('arrive with all they say', async () => {
    const { database, store } = await open();
    const text = recordText(1, { consumer: 'corp:ünï "q" \u{1f600}', status: 502, isEstimated: true });
    await store.insert([text], unexpected);
    expect(await database.reader('usage_records').first()).toEqual({
      id: recordId(1),
      request_id: 'req_1',
      consumer: 'corp:ünï "q" \u{1f600}',
      credential: 'key_1',
      tier: 'pro',
      lob: null,
      action: 'POST chat',
      service: 'chat',
      model_asked: 'gpt',
      model: 'gpt',
      target: 'localhost:1',
      status: 502,
      input_tokens: 10,
      output_tokens: 5,
      is_estimated: 1,
      cost_nano_usd: 1000,
      started_at: NOON,
      cached_tokens: 0,
      cache_write_tokens: 0,
      reasoning_tokens: 0,
      audio_tokens: 0,
      image_tokens: 0,
      price_version: null,
      settled_at: NOON + 100,
    });
  });

  test('count once, however often and in whatever batches they come', async () => {
    const batches = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1 }), { maxLength: 6 });
    const { database, store } = await open();
    await fc.assert(
      fc
        .asyncProperty(batches, async (numbers) => {
          for (const batch of numbers)
            await store.insert(
              batch.map((n) => recordText(n)),
              unexpected,
            );
          const { items } = await readReport(database.reader, { groupBy: [], limit: 1 });
          const distinct = new Set(numbers.flat()).size;
          expect(items[0]?.requests ?? 0).toBe(distinct);
          expect(items[0]?.costNanoUsd ?? 0n).toBe(BigInt(1000 * distinct));
        })
        .beforeEach(() => empty(database)),
      { numRuns: 15 },
    );
  });

  test('brought by two processes at once count once, and neither fails', async () => {
    const { database, store } = await open();
    const texts = Array.from({ length: 400 }, (_, n) => recordText(n, { consumer: `c${n % 7}`, model: `m${n % 5}` }));
    const halves = [texts.slice(0, 300), texts.slice(100).reverse(), texts, texts.toReversed()];
    await Promise.all(halves.map((half) => store.insert(half, unexpected)));
    const { items } = await readReport(database.reader, { groupBy: [], limit: 1 });
    expect(items[0]).toMatchObject({ requests: 400, inputTokens: 4000, outputTokens: 2000, costNanoUsd: 400_000n });
  });

  test('that the database will never take are told, and cost none of the others', async () => {
    const { database, store } = await open();
    const told: string[] = [];
    const texts = [1, 2, 3, 4, 5].map((n) => recordText(n));
    // As an earlier release with a bug may have left it in a journal.
    texts[2] = texts[2]?.replace('"POST chat"', 'null') as string;
    await store.insert(texts, (text) => void told.push(text));
    expect(told).toEqual([texts[2]]);
    expect(await database.reader('usage_records').pluck('id').orderBy('id')).toEqual([1, 2, 4, 5].map(recordId));
  });

  test('amounts beyond what a number holds are summed exactly', async () => {
    const { database, store } = await open();
    const most = Number.MAX_SAFE_INTEGER;
    await store.insert(
      [1, 2, 3].map((n) => recordText(n, { costNanoUsd: most })),
      unexpected,
    );
    const { items } = await readReport(database.reader, { groupBy: [], limit: 1 });
    expect(items[0]?.costNanoUsd).toBe(3n * BigInt(most));
  });

  test('minutes said twice count once, and the day has what was gained', async () => {
    const { database, store } = await open();
    const count = (requests: number, fields: Partial<MinuteCount> = {}): MinuteCount => {
      const plain = { minute: MINUTE, consumer: 'acme', service: 'web', route: 'web', status: 200, isRecorded: false };
      return { ...plain, requests, ...fields };
    };
    await store.replaceMinutes([count(3), count(2, { status: 503 })], 'a');
    await store.replaceMinutes([count(3), count(2, { status: 503 })], 'a');
    await store.replaceMinutes([count(5)], 'a');
    await store.replaceMinutes([count(10), count(100, { isRecorded: true })], 'b');
    const { items } = await readReport(database.reader, { groupBy: ['consumer', 'service', 'model'], limit: 10 });
    expect(items).toMatchObject([{ consumer: 'acme', service: 'web', model: '', requests: 17, failures: 2 }]);
    const [sum] = await database.reader('usage_minutes').sum({ requests: 'requests' });
    expect(Number(sum?.requests)).toBe(117);
  });

  test('past their retention go, a part at a time, and the sums of their days stay', async () => {
    const { database, store } = await open();
    const old = Array.from({ length: 1200 }, (_, n) => recordText(n, { startedAt: NOON - 40 * DAY_MS + n }));
    await store.insert([...old, recordText(5000)], unexpected);
    const minutes = [MINUTE - 60 * 24 * 40, MINUTE - 60 * 24 * 35, MINUTE].map((minute) => {
      const plain = { consumer: 'acme', service: 'web', route: 'web', status: 200, isRecorded: false };
      return { ...plain, minute, requests: 1 };
    });
    await store.replaceMinutes(minutes, 'a');
    await store.prune(NOON - 30 * DAY_MS);
    expect(await database.reader('usage_records').pluck('id')).toEqual([recordId(5000)]);
    expect((await database.reader('usage_minutes').pluck('minute')).map(Number)).toEqual([MINUTE]);
    const { items } = await readReport(database.reader, { groupBy: [], limit: 1 });
    expect(items[0]?.requests).toBe(1204);
  });

  test('are reported by any dimension, in pages and in order', async () => {
    const { database, store } = await open();
    const of = (n: number, consumer: string, model: string, day: number) =>
      recordText(n, { consumer, model, startedAt: NOON + day * DAY_MS });
    await store.insert([of(1, 'b', 'x', 0), of(2, 'a', 'x', 0), of(3, 'a', 'y', 1), of(4, 'a', 'x', 1)], unexpected);
    const query = { groupBy: ['consumer', 'day'], limit: 2 } as const;
    const first = await readReport(database.reader, query);
    const second = await readReport(database.reader, { ...query, cursor: first.nextCursor });
    expect([...first.items, ...second.items]).toMatchObject([
      { day: '2026-01-15', consumer: 'a', requests: 1 },
      { day: '2026-01-15', consumer: 'b', requests: 1 },
      { day: '2026-01-16', consumer: 'a', requests: 2 },
    ]);
    expect(second.nextCursor).toBeUndefined();
    const narrow = { groupBy: ['model'], limit: 9, consumer: 'a', from: NOON + DAY_MS, to: NOON + DAY_MS } as const;
    expect((await readReport(database.reader, narrow)).items).toMatchObject([{ model: 'x' }, { model: 'y' }]);
    await expect(readReport(database.reader, { ...query, cursor: 'W10' })).rejects.toMatchObject({
      rejection: { code: 'VALIDATION_ERROR' },
    });
  });

  async function open(): Promise<{ database: Database; store: UsageStore }> {
    const database = await openMigrated();
    return { database, store: new UsageStore(database) };
  }
});

async function empty({ knex }: Database): Promise<void> {
  for (const table of ['usage_records', 'usage_days']) await knex(table).delete();
}

function unexpected(text: string, error: unknown): never {
  throw new Error(`not stored: ${text}`, { cause: error });
}
