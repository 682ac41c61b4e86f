// What every store of idempotency keys promises, whatever it keeps them in.
import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type {
  AnswerQuota,
  Claim,
  ClaimResult,
  IdempotencyStore,
} from '../../src/storage/idempotency/idempotency-store.ts';
import { until } from './poll.ts';

const LONG = 60_000;
const SHORT = 40;

function claimOf(result: ClaimResult): Claim {
  if (result.kind !== 'claimed') throw new Error(`not claimed but ${result.kind}`);
  return result.claim;
}

/** `open` gives a store over the same data each time it is called within one test. */
export function describeIdempotencyContract(open: () => Promise<IdempotencyStore>): void {
  test('the first to ask has the claim; then the key runs, and is another request with another fingerprint', async () => {
    const [store, key] = [await open(), randomUUID()];
    expect((await store.claim(key, 'a', LONG)).kind).toBe('claimed');
    expect(await store.claim(key, 'a', LONG)).toEqual({ kind: 'running' });
    expect(await store.claim(key, 'b', LONG)).toEqual({ kind: 'mismatch' });
    expect((await store.claim(randomUUID(), 'b', LONG)).kind).toBe('claimed');
  });

  test('of twenty that ask at once, in two processes, exactly one has the claim', async () => {
    const [one, other, key] = [await open(), await open(), randomUUID()];
    const asked = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : other).claim(key, 'a', LONG));
    const kinds = (await Promise.all(asked)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'running')).toHaveLength(19);
  });

  test.each([0, 1, 1_048_576])('an answer of %d bytes comes back as it was, byte for byte', async (size) => {
    const [store, key] = [await open(), randomUUID()];
    const headers = ['Content-Type', 'image/png', 'X-Name', 'caf\u00e9', 'X-Line', '1', 'X-Line', '2'];
    const answer = { status: 201, headers, body: randomBytes(size) };
    await store.complete(claimOf(await store.claim(key, 'a', LONG)), answer, LONG);
    const found = await (await open()).claim(key, 'a', LONG);
    if (found.kind !== 'recorded') throw new Error(found.kind);
    // Jest would compare a mebibyte number by number.
    expect(found.answer.body.equals(answer.body)).toBe(true);
    expect({ ...found.answer, body: undefined }).toEqual({ ...answer, body: undefined });
    expect(await store.claim(key, 'b', LONG)).toEqual({ kind: 'mismatch' });
  });

  test('an answer that was not kept is remembered as that', async () => {
    const [store, key] = [await open(), randomUUID()];
    await store.complete(claimOf(await store.claim(key, 'a', LONG)), undefined, LONG);
    expect(await store.claim(key, 'a', LONG)).toEqual({ kind: 'unkept' });
    expect(await store.claim(key, 'b', LONG)).toEqual({ kind: 'mismatch' });
  });

  test('a released key is free, for any request', async () => {
    const [store, key] = [await open(), randomUUID()];
    await store.release(claimOf(await store.claim(key, 'a', LONG)));
    expect((await store.claim(key, 'b', LONG)).kind).toBe('claimed');
  });

  test('a claim that nobody renews ends, and its late holder can no longer touch the key', async () => {
    const [store, key] = [await open(), randomUUID()];
    const late = claimOf(await store.claim(key, 'a', SHORT));
    const next = await until(async () => {
      const result = await store.claim(key, 'b', LONG);
      return result.kind === 'claimed' && result.claim;
    });
    await store.renew(late, 1);
    await store.release(late);
    await store.complete(late, { status: 200, headers: [], body: Buffer.from('late') }, LONG);
    expect(await store.claim(key, 'b', LONG)).toEqual({ kind: 'running' });
    await store.complete(next, { status: 200, headers: [], body: Buffer.from('next') }, LONG);
    expect(await store.claim(key, 'b', LONG)).toMatchObject({ answer: { body: Buffer.from('next') } });
  });

  test('a claim that is renewed outlives its first lease', async () => {
    const [store, key] = [await open(), randomUUID()];
    const held = claimOf(await store.claim(key, 'a', SHORT));
    await store.renew(held, LONG);
    const probe = randomUUID();
    await store.claim(probe, 'a', SHORT);
    await until(async () => (await store.claim(probe, 'a', SHORT)).kind === 'claimed');
    expect(await store.claim(key, 'a', LONG)).toEqual({ kind: 'running' });
  });

  test('an answer is forgotten when its time has passed', async () => {
    const [store, key] = [await open(), randomUUID()];
    const answer = { status: 200, headers: [], body: Buffer.from('x') };
    await store.complete(claimOf(await store.claim(key, 'a', LONG)), answer, SHORT);
    await until(async () => (await store.claim(key, 'b', LONG)).kind === 'claimed');
  });
}

interface OpenedWithQuota {
  readonly store: IdempotencyStore;
  /** Resolves when the quota is in force. */
  settle(): Promise<void>;
}

/** What a store with a quota keeps. */
export function describeAnswerQuota(open: (quota: AnswerQuota) => Promise<OpenedWithQuota>): void {
  const keep = async ({ store, settle }: OpenedWithQuota, key: string): Promise<void> => {
    const answer = { status: 200, headers: [], body: randomBytes(10_000) };
    await store.complete(claimOf(await store.claim(key, 'a', LONG)), answer, LONG);
    await settle();
  };
  const isKept = async ({ store }: OpenedWithQuota, key: string): Promise<boolean> =>
    (await store.claim(key, 'a', LONG)).kind === 'recorded';

  test('one owner keeps what its quota holds, the oldest go first, and others keep theirs', async () => {
    const opened = await open({ perOwner: 45_000, inAll: 1_000_000 });
    const keys = Array.from({ length: 12 }, () => `greedy.${randomUUID()}`);
    const modest = `modest.${randomUUID()}`;
    await keep(opened, modest);
    for (const key of keys) await keep(opened, key);
    expect(await isKept(opened, modest)).toBe(true);
    expect(await Promise.all(keys.slice(-4).map((key) => isKept(opened, key)))).toEqual([true, true, true, true]);
    expect(await isKept(opened, keys[0] as string)).toBe(false);
  });

  test('all together keep what the quota in all holds, the oldest go first', async () => {
    const opened = await open({ perOwner: 45_000, inAll: 75_000 });
    const keys = Array.from({ length: 12 }, (_, i) => `owner${i}.${randomUUID()}`);
    for (const key of keys) await keep(opened, key);
    expect(await isKept(opened, keys.at(-1) as string)).toBe(true);
    expect(await isKept(opened, keys.at(-7) as string)).toBe(true);
    expect(await isKept(opened, keys[0] as string)).toBe(false);
  });
}
