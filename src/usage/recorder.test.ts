import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildExchange } from '../../tests/support/exchange-builder.ts';
import { makeManualClock } from '../../tests/support/manual-clock.ts';
import { makeTempDir, removeTempDir } from '../../tests/support/temp-dir.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Model, ModelCall, TokenUsage } from '../exchange/model-call.ts';
import { plainPrice } from '../exchange/model-price.ts';
import { type Entry, Journal } from './journal/journal.ts';
import { type OnFull, Recorder } from './recorder.ts';
import { COLUMNS, decodeAmounts, quoteForeign, type RowAmounts } from './usage-row.ts';

const clock = makeManualClock();
const gpt: Model = {
  name: 'gpt',
  upstreamName: 'gpt',
  price: plainPrice(1_000_000, 2_000_000),
  maxOutputTokens: 100,
  isListed: true,
};
const USED: TokenUsage = { inputTokens: 7, outputTokens: 3, isEstimated: false };

let folder: string;
let journal: Journal;
let closed: (string | undefined)[];
let settled: RowAmounts[];

/** Keeps what it is given, and writes it. */
class WatchedJournal extends Journal {
  override close(entry: Entry, text: string | undefined): void {
    closed.push(text);
    super.close(entry, text);
  }
}

beforeEach(() => {
  folder = makeTempDir('recorder');
  closed = [];
  settled = [];
});

afterEach(() => {
  journal.end();
  removeTempDir(folder);
});

function openRecorder(onFull: OnFull = 'shed', mostBytes = 1e6): Recorder {
  journal = new WatchedJournal({ folder, clock, mostBytes: () => mostBytes });
  return new Recorder({ journal, clock, onFull: () => onFull, onSettled: (row) => settled.push(row) });
}

function callOf(fields: Partial<ModelCall> = {}): ModelCall {
  const call = { model: gpt, candidates: [gpt], estimatedInputTokens: 9, usage: USED, lost: [], ...fields };
  return call as unknown as ModelCall;
}

function exchangeWith(fields: Partial<Pick<Exchange, 'model' | 'charge'>>): Exchange {
  const exchange = Object.assign(buildExchange({ method: 'POST' }), fields);
  exchange.attempts.push({ target: 'up:1', durationMs: 1, status: 200, failure: undefined });
  return exchange;
}

function rowOf(text: string | undefined): Record<string, unknown> {
  const values = JSON.parse(text ?? '[]') as unknown[];
  return Object.fromEntries(COLUMNS.map(([name], i) => [name, values[i]]));
}

test('an exchange that is neither for a model nor against a budget is not recorded', () => {
  const recorder = openRecorder();
  const exchange = exchangeWith({});
  recorder.open(exchange);
  exchange.settle();
  expect([exchange.recordId, closed]).toEqual([undefined, []]);
});

test('lost attempts are part of what an exchange came to, which is then estimated', () => {
  const recorder = openRecorder();
  const lost = [{ model: gpt, usage: { inputTokens: 100, outputTokens: 0, isEstimated: true } }];
  const exchange = exchangeWith({ model: callOf({ lost }) });
  recorder.open(exchange);
  exchange.settle();
  const sums = { input_tokens: 107, output_tokens: 3, cost_nano_usd: 107_000 + 6_000, is_estimated: 1 };
  expect(rowOf(closed[0])).toMatchObject({ ...sums, id: exchange.recordId, target: 'up:1', status: 200, model: 'gpt' });
  expect(settled).toEqual([expect.objectContaining({ inputTokens: 107, outputTokens: 3, costNanoUsd: 113_000 })]);
});

test('a budgeted exchange without a model is recorded with no tokens', () => {
  const recorder = openRecorder();
  const exchange = exchangeWith({ charge: { settle: () => undefined, refund: () => undefined } });
  recorder.open(exchange);
  exchange.settle();
  expect(rowOf(closed[0])).toMatchObject({ model: null, input_tokens: 0, cost_nano_usd: 0, is_estimated: 0 });
});

test('one that is refused before anybody is called is void', () => {
  const recorder = openRecorder();
  const exchange = Object.assign(buildExchange(), { model: callOf({ usage: undefined }) });
  recorder.open(exchange);
  exchange.rejection = new Rejection('CIRCUIT_OPEN', 'open');
  exchange.settle();
  expect([closed, exchange.recordId, settled]).toEqual([[undefined], undefined, []]);
  expect(recorder.running.size).toBe(0);
});

test('what cannot be recorded is refused with OVERLOADED, or passes unrecorded when told so', () => {
  const shedding = openRecorder('shed', 0);
  // The first file is created before it can be full.
  journal.accepts();
  expect(() => shedding.open(exchangeWith({ model: callOf() }))).toThrow(
    expect.objectContaining({ rejection: expect.objectContaining({ code: 'OVERLOADED' }) }),
  );
  journal.end();
  const exchange = exchangeWith({ model: callOf() });
  const counting = openRecorder('count_only', 0);
  journal.accepts();
  counting.open(exchange);
  expect(exchange.recordId).toBeUndefined();
});

test('text that others chose becomes JSON in ASCII that every database takes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 250 }), (text) => {
      const json = quoteForeign(text);
      expect(json).toMatch(/^[ -~]*$/);
      const read = JSON.parse(json) as string;
      expect(read.isWellFormed() && !read.includes('\0') && read.length <= 200).toBe(true);
      if (text.length <= 200 && text.isWellFormed() && !text.includes('\0')) expect(read).toBe(text);
    }),
  );
});

test('the amounts of a record are read back as they were written', () => {
  const recorder = openRecorder();
  const exchange = exchangeWith({ model: callOf() });
  recorder.open(exchange);
  exchange.settle();
  expect(decodeAmounts(closed[0] ?? '')).toEqual(settled[0]);
});
