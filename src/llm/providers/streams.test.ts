import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildCallOf } from '../../../tests/support/model-call-builder.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import type { StreamTranslation } from './provider.ts';

type Json = Record<string, unknown>;

const event = (data: Json) => `event: ${String(data['type'])}\ndata: ${JSON.stringify(data)}\n\n`;
const start = (content_block: Json, index: number) => event({ type: 'content_block_start', index, content_block });
const delta = (part: Json, index: number) => event({ type: 'content_block_delta', index, delta: part });
const stop = (index: number) => event({ type: 'content_block_stop', index });

const MESSAGE_STREAM = [
  event({
    type: 'message_start',
    message: {
      id: 'msg_1',
      model: 'claude-x',
      usage: { input_tokens: 5, cache_read_input_tokens: 3, output_tokens: 1 },
    },
  }),
  event({ type: 'ping' }),
  start({ type: 'thinking', thinking: '' }, 0),
  delta({ type: 'thinking_delta', thinking: 'hm' }, 0),
  stop(0),
  start({ type: 'text', text: '' }, 1),
  delta({ type: 'text_delta', text: 'ünï ' }, 1),
  delta({ type: 'text_delta', text: '😀' }, 1),
  stop(1),
  start({ type: 'tool_use', id: 't1', name: 'add', input: {} }, 2),
  delta({ type: 'input_json_delta', partial_json: '{"a":' }, 2),
  delta({ type: 'input_json_delta', partial_json: '1}' }, 2),
  stop(2),
  start({ type: 'tool_use', id: 't2', name: 'now', input: {} }, 3),
  stop(3),
  event({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 9 } }),
  event({ type: 'message_stop' }),
].join('');

const chunk = (part: Json, reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'chatcmpl-1', model: 'gpt-x', choices: [{ index: 0, delta: part, finish_reason: reason }] })}\n\n`;
const callPart = (index: number, called: Json, id?: string) => ({ tool_calls: [{ index, id, function: called }] });

const CHUNK_STREAM = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'ünï ' }),
  chunk({ content: '😀' }),
  chunk(callPart(0, { name: 'add', arguments: '' }, 't1')),
  chunk(callPart(0, { arguments: '{"a":' })),
  chunk(callPart(0, { arguments: '1}' })),
  chunk(callPart(1, { name: 'now', arguments: '' }, 't2')),
  chunk({}, 'tool_calls'),
  `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 8, completion_tokens: 9 } })}\n\n`,
  'data: [DONE]\n\n',
].join('');

const toChunks = (fields: { wantsStreamUsage?: boolean } = {}) =>
  anthropic.translation(buildCallOf('chat', {}, fields))?.stream() as StreamTranslation;
const toEvents = () => openai.translation(buildCallOf('messages', {}))?.stream() as StreamTranslation;

function feed(stream: StreamTranslation, ...chunks: readonly (string | Buffer)[]): string {
  const parts = chunks.map((bytes) => stream.write(Buffer.from(bytes)));
  return Buffer.concat([...parts, stream.end()]).toString();
}

function dataOf(text: string): Json[] {
  const lines = text.split('\n').filter((line) => line.startsWith('data: {'));
  return lines.map((line) => JSON.parse(line.slice(6)) as Json);
}

/** Ids of completions are given by the second. */
const withoutTime = (text: string) => text.replace(/"created":\d+/g, '"created":0');

describe('the events of a message become the chunks of a completion', () => {
  test('with text, calls, the reason of the end and the closing mark', () => {
    const stream = toChunks();
    const text = feed(stream, MESSAGE_STREAM);
    const deltas = dataOf(text).map(({ choices }) => (choices as Json[])[0]?.['delta']);
    expect(deltas).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { reasoning_content: 'hm' },
      { content: 'ünï ' },
      { content: '😀' },
      { tool_calls: [{ index: 0, id: 't1', type: 'function', function: { name: 'add', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '1}' } }] },
      { tool_calls: [{ index: 1, id: 't2', type: 'function', function: { name: 'now', arguments: '' } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
      {},
    ]);
    expect(dataOf(text).at(-1)).toMatchObject({
      id: 'msg_1',
      model: 'claude-x',
      choices: [{ finish_reason: 'tool_calls' }],
    });
    expect([text.endsWith('data: [DONE]\n\n'), text.includes('usage'), stream.isWhole]).toEqual([true, false, true]);
  });

  test('with the usage in a chunk of its own where it was asked for', () => {
    const chunks = dataOf(feed(toChunks({ wantsStreamUsage: true }), MESSAGE_STREAM));
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 8, completion_tokens: 9, total_tokens: 17, prompt_tokens_details: { cached_tokens: 3 } },
    });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });
});

describe('the chunks of a completion become the events of a message', () => {
  test('with one block open at a time and the usage at the end', () => {
    const stream = toEvents();
    const events = dataOf(feed(stream, CHUNK_STREAM));
    expect(events.map(({ type, index }) => [type, index].join(' ').trim())).toEqual([
      'message_start',
      ...['content_block_start 0', 'content_block_delta 0', 'content_block_delta 0', 'content_block_stop 0'],
      ...['content_block_start 1', 'content_block_delta 1', 'content_block_delta 1', 'content_block_stop 1'],
      ...['content_block_start 2', 'content_block_delta 2', 'content_block_stop 2'],
      'message_delta',
      'message_stop',
    ]);
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: 'tool_use' },
      usage: { input_tokens: 8, output_tokens: 9 },
    });
    expect(stream.isWhole).toBe(true);
  });
});

describe.each([
  ['message', toChunks, MESSAGE_STREAM],
  ['completion', toEvents, CHUNK_STREAM],
] as const)('the stream of a %s', (_what, open, wire) => {
  const whole = withoutTime(feed(open(), wire));
  const bytes = Buffer.from(wire);

  test('reads the same wherever the chunks break', () => {
    for (let at = 0; at <= bytes.length; at++) {
      expect(withoutTime(feed(open(), bytes.subarray(0, at), bytes.subarray(at)))).toBe(whole);
    }
    const singles = Array.from(bytes, (byte) => Buffer.from([byte]));
    expect(withoutTime(feed(open(), ...singles))).toBe(whole);
  });

  test('reads the same with CRLF, comments and other fields', () => {
    const dressed = wire.replaceAll('\n\n', '\nid: 7\n: comment\n\n').replaceAll('\n', '\r\n');
    expect(withoutTime(feed(open(), dressed))).toBe(whole);
    expect(withoutTime(feed(open(), wire.replaceAll('\n', '\r')))).toBe(whole);
  });

  test('cut anywhere before it says why it ended is never taken for whole, and says no more than the whole', () => {
    const reason = Buffer.byteLength(wire.slice(0, wire.search(/event: message_delta|data: [^\n]*"tool_calls"}/)));
    for (let at = 0; at < reason; at += 7) {
      const stream = open();
      const text = withoutTime(feed(stream, bytes.subarray(0, at)));
      expect([stream.isWhole, stream.failure?.code, whole.startsWith(text)]).toEqual([false, 'UPSTREAM_ERROR', true]);
    }
  });

  test('is whole without its last event, because the answer was complete', () => {
    const stream = open();
    expect(
      withoutTime(feed(stream, wire.slice(0, wire.lastIndexOf(wire.includes('[DONE]') ? 'data:' : 'event:')))),
    ).toBe(whole);
    expect(stream.isWhole).toBe(true);
  });

  test('is over at its end: nothing behind it passes', () => {
    expect(withoutTime(feed(open(), wire, wire))).toBe(whole);
  });

  test.each(['data: {"choices":[{"delta":\n\n', 'data: nonsense\n\n'])('ends at %j', (broken) => {
    const stream = open();
    const firstEvent = wire.slice(0, wire.indexOf('\n\n') + 2);
    const before = feed(open(), firstEvent);
    expect(withoutTime(feed(stream, firstEvent, broken, wire))).toBe(withoutTime(before));
    expect([stream.isWhole, stream.failure?.code]).toEqual([false, 'UPSTREAM_INVALID_RESPONSE']);
  });

  test('never throws, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array(),
            fc.json().map((text) => Buffer.from(`data: ${text}\n\n`)),
          ),
        ),
        (parts) => {
          expect(feed(open(), ...parts.map((part) => Buffer.from(part)))).toEqual(expect.any(String));
        },
      ),
    );
  });
});

test('an error that is told inside a stream is kept for the one event that ends it', () => {
  const overloaded = toChunks();
  const told = event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });
  expect(feed(overloaded, MESSAGE_STREAM.slice(0, MESSAGE_STREAM.indexOf('event: ping')), told)).not.toContain('Overl');
  expect(overloaded.failure).toMatchObject({ code: 'OVERLOADED', detail: 'Overloaded' });
  const failed = toEvents();
  expect(feed(failed, 'data: {"error":{"message":"broken","type":"server_error"}}\n\n')).toBe('');
  expect(failed.failure).toMatchObject({ code: 'UPSTREAM_ERROR', detail: 'broken' });
});

test('an event longer than any real one is not waited for', () => {
  const stream = toChunks();
  const block = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < 33; i++) stream.write(block);
  expect(stream.failure?.code).toBe('UPSTREAM_INVALID_RESPONSE');
});

describe('calls as servers other than OpenAI stream them', () => {
  const part = (fields: Json, name: string, written: string) => ({ ...fields, function: { name, arguments: written } });
  const of = (...calls: Json[]) => chunk({ tool_calls: calls });
  const args = (index: number, written: string) => of({ index, function: { arguments: written } });
  const ended = chunk({}, 'stop');

  /** Blocks by their ids, with what was written to each. */
  function inputs(...chunks: string[]): [unknown, string][] {
    const blocks: [unknown, string][] = [];
    for (const { type, content_block: block, delta: piece } of dataOf(feed(toEvents(), ...chunks, ended))) {
      if (type === 'content_block_start') blocks.push([(block as Json)['id'], '']);
      const written = (piece as Json | undefined)?.['partial_json'];
      if (typeof written === 'string') (blocks.at(-1) as [unknown, string])[1] += written;
    }
    return blocks;
  }

  test.each<[string, string[]]>([
    [
      'all with index 0',
      [of(part({ index: 0, id: 'a' }, 'f', '{"x":1}')), of(part({ index: 0, id: 'b' }, 'f', '{"x":2}'))],
    ],
    ['without an index', [of(part({ id: 'a' }, 'f', '{"x":1}')), of(part({ id: 'b' }, 'f', '{"x":2}'))]],
    ['in one chunk', [of(part({ index: 0, id: 'a' }, 'f', '{"x":1}'), part({ index: 1, id: 'b' }, 'f', '{"x":2}'))]],
    [
      'with their arguments interleaved',
      [
        of(part({ index: 0, id: 'a' }, 'f', ''), part({ index: 1, id: 'b' }, 'f', '')),
        ...[args(0, '{"x"'), args(1, '{"x":'), args(0, ':1}'), args(1, '2}')],
      ],
    ],
    [
      'the later one first',
      [of(part({ index: 0, id: 'a' }, 'f', ''), part({ index: 1, id: 'b' }, 'f', '{"x":2}')), args(0, '{"x":1}')],
    ],
  ])('%s', (_how, chunks) => {
    expect(inputs(...chunks)).toEqual([
      ['a', '{"x":1}'],
      ['b', '{"x":2}'],
    ]);
  });

  test('without ids get some, each its own', () => {
    const [first, second] = inputs(of(part({ index: 0, id: '' }, 'f', '{}')), of(part({ index: 1 }, 'f', '{}')));
    expect(first?.[0]).toMatch(/^call_\w+$/);
    expect(second?.[0]).not.toEqual(first?.[0]);
  });

  test('with the reason "stop" are waited for all the same', () => {
    const events = dataOf(feed(toEvents(), of(part({ index: 0, id: 'a' }, 'f', '{}')), ended));
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' } });
  });
});

test('words in a list of parts, a chunk before the answer and an empty reason', () => {
  const first = 'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n';
  const thinking = chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] });
  const stream = toEvents();
  const said = [chunk({ content: [{ type: 'text', text: 'The ' }] }), chunk({ content: 'end' }, '')];
  const events = dataOf(feed(stream, first, thinking, ...said));
  expect(events[0]).toMatchObject({ message: { id: 'chatcmpl-1', model: 'gpt-x' } });
  const texts = events.map(({ delta: piece }) => (piece as { text?: string } | undefined)?.text ?? '').join('');
  expect([texts, stream.isWhole]).toEqual(['The end', false]);
});

test('a byte order mark before the first event is skipped', () => {
  expect(withoutTime(feed(toEvents(), '\ufeff', CHUNK_STREAM))).toBe(withoutTime(feed(toEvents(), CHUNK_STREAM)));
});

test('a whole answer that is called a stream is read as one', () => {
  const message = { role: 'assistant', content: 'whole' };
  const completion = { id: 'c', model: 'm', choices: [{ index: 0, message, finish_reason: 'stop' }] };
  const stream = toEvents();
  const events = dataOf(feed(stream, JSON.stringify(completion)));
  expect([events[2]?.['delta'], events.at(-1)?.['type'], stream.isWhole]).toEqual([
    { type: 'text_delta', text: 'whole' },
    'message_stop',
    true,
  ]);
});
