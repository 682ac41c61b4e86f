import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import OpenAI, { RateLimitError } from 'openai';
import type { RawResponse } from '../support/raw-client.ts';
import { type Cell, type Outcome, RelayCells } from '../support/relay-cells.ts';

type Expected = Partial<Outcome>;

interface Row {
  readonly fault: string;
  readonly alone: Expected;
  /** With a model that may answer instead; the same as `alone` where the answer had begun. */
  readonly fallback?: Expected;
  /** What is different for answers that are not streamed. */
  readonly whole?: Expected;
}

const NOTHING_ODD = { advice: '', code: undefined, hasLost: false, retries: '' };

/** The answer passes as it is. */
const passed: Expected = {
  ...NOTHING_ODD,
  status: 200,
  ending: 'done',
  outcome: 'completed',
  tries: 'faulty 200',
  usage: 'exact',
  breaker: '0 of 1',
  counted: '200×1',
};

/** The answer had begun when the upstream failed it. */
const truncated = (code: string): Expected => ({
  ...passed,
  ending: 'told',
  code,
  outcome: 'truncated',
  usage: 'estimated',
  breaker: '1 of 1',
  counted: `200×1 ${code}×1`,
});

/** The gateway answers for the upstream. */
const refused = (status: number, code: string): Expected => ({
  ...NOTHING_ODD,
  status,
  ending: 'whole',
  code,
  outcome: 'rejected',
  usage: 'none',
  counted: `${status}×1 ${code}×1`,
});

/** The upstream's own error reaches the client. */
const handedOn = (status: number, code: string | null): Expected => ({
  ...refused(status, ''),
  code,
  outcome: 'completed',
  tries: `faulty ${status}`,
  counted: `${status}×1`,
});

/** The good model answers after these tries. */
const rescued = (tries: string, retries: string): Expected => ({
  ...passed,
  tries: `${tries}, good 200`,
  retries,
});

const MATRIX: Record<string, Row> = {
  'nobody listening': {
    fault: 'refused',
    alone: {
      ...refused(502, 'UPSTREAM_ERROR'),
      tries: 'faulty refused, faulty refused, faulty refused',
      advice: 'give up',
      breaker: '3 of 3',
      retries: 'refused×2',
    },
    fallback: { ...rescued('faulty refused, faulty refused', 'refused×2'), breaker: '2 of 2' },
  },
  'silence before the answer': {
    fault: 'slow-start?ms=60000',
    alone: { ...refused(504, 'UPSTREAM_TIMEOUT'), tries: 'faulty first_byte_timeout', breaker: '1 of 1' },
    fallback: {
      ...rescued('faulty first_byte_timeout', 'first_byte_timeout×1'),
      hasLost: true,
      breaker: '1 of 1',
    },
  },
  'silence in the middle': { fault: 'stall?after=2', alone: truncated('UPSTREAM_TIMEOUT') },
  'a reset in the middle': { fault: 'die-midstream?after=2', alone: truncated('UPSTREAM_ERROR') },
  'a reset before the answer': {
    fault: 'reset',
    alone: { ...refused(502, 'UPSTREAM_ERROR'), tries: 'faulty reset', breaker: '1 of 1' },
    fallback: { ...rescued('faulty reset', 'reset×1'), hasLost: true, breaker: '1 of 1' },
  },
  'an error event of its own': {
    fault: 'error-event?after=2',
    alone: { ...truncated('UPSTREAM_ERROR'), code: 'broken' },
    whole: passed,
  },
  'an end without [DONE]': { fault: 'no-done', alone: { ...passed, ending: 'whole' } },
  'malformed events': { fault: 'malformed-sse?after=2', alone: passed },
  'an event of 1 MiB': { fault: 'long-line?bytes=1048576', alone: passed },
  'a compressed answer': { fault: 'gzip', alone: { ...passed, ending: 'whole' } },
  'a rate limit': {
    fault: 'rate-limit',
    alone: { ...handedOn(429, 'rate_limit_exceeded'), breaker: '0 of 0' },
    fallback: { ...rescued('faulty 429', 'status_429×1'), breaker: '0 of 0' },
  },
  'a rate limit that is over at once': {
    fault: 'rate-limit?retry_after=0',
    alone: {
      ...handedOn(429, 'rate_limit_exceeded'),
      tries: 'faulty 429, faulty 429, faulty 429',
      advice: 'wait 0',
      breaker: '0 of 0',
      retries: 'status_429×2',
    },
    fallback: { ...rescued('faulty 429, faulty 429', 'status_429×2'), breaker: '0 of 0' },
  },
  'a long rate limit': {
    fault: 'rate-limit?retry_after=30',
    alone: { ...handedOn(429, 'rate_limit_exceeded'), advice: 'wait 30', breaker: '0 of 0' },
    fallback: { ...rescued('faulty 429', 'status_429×1'), breaker: '0 of 0' },
  },
  'a 500': {
    fault: 'error?status=500',
    alone: { ...handedOn(500, null), breaker: '1 of 1' },
    fallback: { ...rescued('faulty 500', 'status_500×1'), hasLost: true, breaker: '1 of 1' },
  },
  'a 503': {
    fault: 'error?status=503',
    alone: {
      ...handedOn(503, null),
      tries: 'faulty 503, faulty 503, faulty 503',
      advice: 'give up',
      breaker: '3 of 3',
      retries: 'status_503×2',
    },
    fallback: { ...rescued('faulty 503, faulty 503', 'status_503×2'), breaker: '2 of 2' },
  },
  'a model it does not know': {
    fault: 'error?status=404',
    alone: { ...handedOn(404, null), breaker: '0 of 0' },
    fallback: { ...rescued('faulty 404', 'status_404×1'), breaker: '0 of 0' },
  },
  'a refusal of our own key': {
    fault: 'error?status=401',
    alone: { ...refused(502, 'UPSTREAM_ERROR'), tries: 'faulty 502', breaker: '0 of 0' },
  },
  'fewer bytes than promised': {
    fault: 'wrong-length?by=10',
    alone: { ...truncated('UPSTREAM_ERROR'), ending: 'cut', code: undefined, usage: 'exact' },
    whole: { usage: 'estimated' },
  },
};

const rows = Object.entries(MATRIX);
const cells: (Cell & { title: string; expected: Expected })[] = rows.flatMap(([title, row], i) =>
  [true, false].flatMap((isStream) =>
    [false, true].map((hasFallback) => ({
      title: `${title}, ${isStream ? 'streamed' : 'not streamed'}, ${hasFallback ? 'with a fallback' : 'alone'}`,
      name: `cell${i}_${isStream ? 'stream' : 'json'}_${hasFallback ? 'fallback' : 'alone'}`,
      fault: row.fault,
      isStream,
      hasFallback,
      expected: expectedOf(row, isStream, hasFallback),
    })),
  ),
);

function expectedOf({ alone, fallback = alone, whole }: Row, isStream: boolean, hasFallback: boolean): Expected {
  const streamed = hasFallback ? fallback : alone;
  if (isStream) return streamed;
  const expected = { ...streamed, ...whole };
  // Without events there is no [DONE], and no way to tell of an error once the answer has begun.
  if (expected.ending === 'done') return { ...expected, ending: 'whole' };
  return expected.ending === 'told' ? { ...expected, ending: 'cut', code: undefined } : expected;
}

let relay: RelayCells;
let answers: ReadonlyMap<Cell, RawResponse>;
let outcomes: ReadonlyMap<Cell, Outcome>;

beforeAll(async () => {
  relay = await RelayCells.start(cells);
  const asked = cells.map(async (cell) => [cell, await relay.ask(cell)] as const);
  answers = new Map(await Promise.all(asked));
  outcomes = await relay.outcomes(answers);
});

afterAll(() => relay.close());

const answerTo = (cell: Cell): RawResponse => answers.get(cell) as RawResponse;

describe('what the client sees, and what usage, breaker, log and metrics say, of', () => {
  test.each(cells)('$title', (cell) => {
    expect(outcomes.get(cell)).toEqual(cell.expected);
  });
});

test.each(cells.filter(({ expected }) => expected.tries === 'faulty 200' && expected.outcome === 'completed'))(
  'not one byte is changed: $title',
  async (cell) => {
    expect(contentOf(answerTo(cell))).toBe(contentOf(await relay.askDirectly(cell)));
  },
);

test('the key of the gateway is nowhere in what clients get, and the operator is alarmed', () => {
  for (const { text } of answers.values()) expect(text).not.toContain('sk-upstream');
  const refusal = cells.find(({ fault }) => fault === 'error?status=401') as Cell;
  expect(relay.lines(refusal)[0]?.['error_reason']).toMatch(/^alarm: .*credential/);
});

describe('the OpenAI client', () => {
  const client = (cell: Cell | undefined): OpenAI =>
    new OpenAI({ baseURL: `${relay.gateway.url}/${cell?.name}/v1`, apiKey: 'any', maxRetries: 2 });
  const ask = (cell: Cell | undefined): Promise<unknown> =>
    client(cell).chat.completions.create({ model: 'faulty', messages: [{ role: 'user', content: 'hello' }] });

  test('does not begin all over again when the gateway has tried as often as it may', async () => {
    const cell = cells.find(({ fault, hasFallback }) => fault === 'refused' && !hasFallback) as Cell;
    const before = relay.lines(cell).length;
    await expect(ask(cell)).rejects.toMatchObject({ status: 502, code: 'UPSTREAM_ERROR' });
    expect(relay.lines(cell)).toHaveLength(before + 1);
  });

  test('learns how long the upstream wants to be left alone', async () => {
    const cell = cells.find(({ fault, hasFallback }) => fault === 'rate-limit?retry_after=0' && !hasFallback);
    const error = (await ask(cell).catch((failure: unknown) => failure)) as RateLimitError;
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.headers.get('retry-after')).toBe('0');
  });
});

/** Readable, and without the second in which it was made. */
function contentOf({ body, headers }: RawResponse): string {
  const text = headers.get('content-encoding') === 'gzip' ? gunzipSync(body).toString() : body.toString();
  return text.replaceAll(/"created":\d+/g, '');
}
