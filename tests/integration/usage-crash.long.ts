// The whole program killed again and again while it relays to models, and its database stopped for a minute.
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningService } from '../../services/http-service.ts';
import { startLlm } from '../../services/llm/server.ts';
import { openDatabase } from '../../src/storage/database.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';
import { describeWithPostgres } from '../support/server-suite.ts';

const ROUNDS = 50;
const AT_ONCE = 16;
const API_KEY = 'sk_test_key_of_the_battery';

let llm: RunningService;
let config: string;

beforeAll(async () => {
  llm = await startLlm({ port: 0, tokenDelayMs: 3 });
  config = `
settings: { shutdown: { grace: 0s, drain: 1s, flush: 3s } }
services:
  chat:
    kind: llm
    url: "${llm.url}/v1"
    models: { entries: { gpt-4: { price: { input_per_million: 10, output_per_million: 20 } } } }
`;
});

afterAll(() => llm.close());

/** What became of a request: `none` no answer was seen, `head` it began, `whole` it ended. */
type Seen = 'none' | 'head' | 'whole';

/** Asks without a pause until told to stop, and notes what became of each request by its id. */
function startLoad(url: () => string, seen: Map<string, Seen>): { stop(): Promise<void> } {
  let isOn = true;
  const one = async (isStream: boolean): Promise<void> => {
    const id = randomUUID();
    seen.set(id, 'none');
    try {
      const res = await fetch(`${url()}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'x-api-key': API_KEY, 'content-type': 'application/json', 'x-request-id': id },
        body: JSON.stringify({ model: 'gpt-4', stream: isStream, messages: [{ role: 'user', content: 'hello' }] }),
        signal: AbortSignal.timeout(10_000),
      });
      if (res.status !== 200) return void seen.delete(id);
      seen.set(id, 'head');
      await res.text();
      seen.set(id, 'whole');
    } catch {
      // While it is away, the machine is to start it, not to ask for it.
      await delay(150);
    }
  };
  const workers = Array.from({ length: AT_ONCE }, async (_, i) => {
    while (isOn) await one(i % 2 === 0);
  });
  return {
    stop: async () => {
      isOn = false;
      await Promise.all(workers);
    },
  };
}

interface Row {
  readonly request_id: string;
  readonly is_estimated: number;
}

async function readRows(address: string): Promise<Row[]> {
  const database = await openDatabase(address);
  try {
    return await database.reader('usage_records').select('request_id', 'is_estimated');
  } finally {
    await database.close();
  }
}

function expectExact(rows: readonly Row[], seen: ReadonlyMap<string, Seen>): void {
  const found = new Map(rows.map((row) => [row.request_id, row]));
  expect(found.size).toBe(rows.length);
  const answered = [...seen].filter(([, how]) => how !== 'none').map(([id]) => id);
  expect(answered.filter((id) => !found.has(id))).toEqual([]);
  expect(rows.filter(({ request_id: id }) => !seen.has(id))).toEqual([]);
}

function journalsOf({ folder }: GatewayProcess): string[] {
  return readdirSync(join(folder, 'data', 'usage')).filter((name) => name.endsWith('.log'));
}

test(`killed ${ROUNDS} times under load, every answered request has one record, unfinished ones are estimated`, async () => {
  const gateway = await startGatewayProcess({ config, env: { TEST_API_KEY: API_KEY } });
  const seen = new Map<string, Seen>();
  const load = startLoad(() => gateway.url, seen);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await delay(300 + Math.random() * 700);
      await gateway.restart();
    }
    await load.stop();
    const address = `sqlite:${join(gateway.folder, 'data', 'turnpike.db')}`;
    const instances = () => new Set(journalsOf(gateway).map((name) => name.slice(0, 16))).size;
    await until(() => instances() <= 1, { timeoutMs: 60_000, everyMs: 500 });
    await delay(3000);
    const rows = await readRows(address);
    const unfinished = [...seen.values()].filter((how) => how !== 'whole').length;
    const estimated = rows.filter(({ is_estimated: isEstimated }) => isEstimated === 1).length;
    process.stderr.write(`${seen.size} requests, ${unfinished} unfinished, ${estimated} estimated\n`);
    expectExact(rows, seen);
    expect(seen.size).toBeGreaterThan(20 * ROUNDS);
    expect(estimated).toBeGreaterThan(0);
  } finally {
    await load.stop();
    await gateway.stop();
  }
}, 600_000);

describeWithPostgres(
  'PostgreSQL stopped for a minute under load',
  (postgres) => {
    test('costs no record', async () => {
      const address = await postgres().createDatabase();
      const env = { TEST_API_KEY: API_KEY, DATABASE_URL: address };
      const gateway = await startGatewayProcess({ config, env });
      const seen = new Map<string, Seen>();
      const load = startLoad(() => gateway.url, seen);
      try {
        await delay(3000);
        await postgres().kill();
        const before = seen.size;
        await delay(60_000);
        expect(seen.size).toBeGreaterThan(before + 100);
        await postgres().restart();
        await delay(5000);
        await load.stop();
        const rows = await until(
          async () => {
            const found = await readRows(address);
            return found.length >= [...seen.values()].filter((how) => how === 'whole').length && found;
          },
          { timeoutMs: 60_000, everyMs: 1000 },
        );
        process.stderr.write(`${seen.size} requests, ${rows.length} records\n`);
        expectExact(rows, seen);
      } finally {
        await load.stop();
        await gateway.stop();
      }
    }, 200_000);
  },
  { own: true },
);
