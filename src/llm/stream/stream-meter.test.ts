import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Operation } from '../../exchange/model-call.ts';
import { StreamMeter } from './stream-meter.ts';
import { streamShape, type StreamShape } from './stream-shape.ts';
import { UsageMeter } from './usage-meter.ts';

const ROLE =
  'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\n\n';
const TEXT =
  'data: {"choices":[{"index":0,"delta":{"content":"Grüße \\"usage\\":{1}"},"finish_reason":null}],"usage":null}\n\n';
const STOP = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n';
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":11,"total_tokens":18}}\n\n';
const DONE = 'data: [DONE]\n\n';
const CHAT = [ROLE, TEXT, TEXT, STOP, USAGE, DONE];

interface Passed {
  readonly meter: StreamMeter;
  readonly usage: UsageMeter;
  readonly output: string;
}

function pass(chunks: readonly Buffer[], operation: Operation, hidesUsage = false): Passed {
  const usage = new UsageMeter(5, true);
  const meter = new StreamMeter(usage, streamShape('openai', operation, false) as StreamShape, hidesUsage);
  const written = chunks.map((chunk) => Buffer.from(meter.write(chunk)));
  return { meter, usage, output: Buffer.concat([...written, meter.end()]).toString() };
}

const whole = (events: readonly string[]): Buffer[] => [Buffer.from(events.join(''))];

function figures({ usage }: Passed): unknown {
  const { inputTokens, outputTokens, isEstimated } = usage;
  return { inputTokens, outputTokens, isEstimated };
}

describe('a chat stream', () => {
  test('passes as it came, and its figures are the exact ones', () => {
    const passed = pass(whole(CHAT), 'chat');
    expect(passed.output).toBe(CHAT.join(''));
    expect(figures(passed)).toEqual({ inputTokens: 7, outputTokens: 11, isEstimated: false });
    expect(passed.meter.isWhole).toBe(true);
  });

  test('a chunk in which nothing is hidden is passed itself, not a copy', () => {
    const meter = new StreamMeter(new UsageMeter(0, true), streamShape('openai', 'chat', false) as StreamShape, true);
    const chunk = Buffer.from(ROLE + TEXT);
    expect(meter.write(chunk)).toBe(chunk);
  });

  test('the event that tells nothing but usage is left out where the client has not asked for it', () => {
    const passed = pass(whole(CHAT), 'chat', true);
    expect(passed.output).toBe([ROLE, TEXT, TEXT, STOP, DONE].join(''));
    expect(passed.usage.outputTokens).toBe(11);
  });

  test('usage beside content is never left out', () => {
    const last = 'data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
    expect(pass(whole([ROLE, last]), 'chat', true).output).toBe(ROLE + last);
  });

  test.each(['\n', '\r\n', '\r'])('cut at any two bytes the result is the same, with lines that end in %j', (end) => {
    const bytes = Buffer.from(CHAT.join('').replaceAll('\n', end));
    const expected = [ROLE, TEXT, TEXT, STOP, DONE].join('').replaceAll('\n', end);
    const cuts = fc.tuple(fc.nat(bytes.length), fc.nat(bytes.length));
    fc.assert(
      fc.property(cuts, ([a, b]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const passed = pass([bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)], 'chat', true);
        expect(passed.output).toBe(expected);
        expect(figures(passed)).toEqual({ inputTokens: 7, outputTokens: 11, isEstimated: false });
      }),
    );
  });

  test('byte by byte it is the same too', () => {
    const bytes = Buffer.from(CHAT.join(''));
    const passed = pass(
      Array.from(bytes, (byte) => Buffer.of(byte)),
      'chat',
      true,
    );
    expect(passed.output).toBe([ROLE, TEXT, TEXT, STOP, DONE].join(''));
    expect(figures(passed)).toEqual({ inputTokens: 7, outputTokens: 11, isEstimated: false });
  });

  test('an unfinished event is held back only while the gateway may have to hide it', () => {
    const beginning = Buffer.from(TEXT.slice(0, 20));
    const shape = streamShape('openai', 'chat', false) as StreamShape;
    expect(new StreamMeter(new UsageMeter(0, true), shape, true).write(beginning)).toHaveLength(0);
    expect(new StreamMeter(new UsageMeter(0, true), shape, false).write(beginning)).toBe(beginning);
  });

  test('an event of a megabyte passes while it comes, with at most 64 KiB held back', () => {
    const shape = streamShape('openai', 'chat', false) as StreamShape;
    const meter = new StreamMeter(new UsageMeter(0, true), shape, true);
    const event = Buffer.from(`data: {"padding":"${'x'.repeat(1024 * 1024)}"}\n\n${USAGE}${DONE}`);
    let received = 0;
    for (let at = 0; at < event.length; at += 10_000) {
      const sent = Math.min(at + 10_000, event.length);
      received += meter.write(event.subarray(at, sent)).length;
      if (sent < event.length) expect(sent - received).toBeLessThanOrEqual(64 * 1024 + USAGE.length);
    }
    expect(received).toBe(event.length - USAGE.length);
    expect(meter.isWhole).toBe(true);
  });

  test('without figures a quarter of the bytes of text is the estimate', () => {
    const passed = pass(whole([ROLE, TEXT, TEXT]), 'chat');
    const bytes = 2 * Buffer.byteLength('Grüße \\"usage\\":{1}');
    expect(figures(passed)).toEqual({ inputTokens: 5, outputTokens: Math.ceil(bytes / 4), isEstimated: true });
  });

  test.each([
    ['[DONE]', [ROLE, TEXT, DONE], true],
    ['a finish reason', [ROLE, TEXT, STOP], true],
    ['a last event without its empty line', [ROLE, TEXT, DONE.trimEnd()], true],
    ['neither', [ROLE, TEXT], false],
    ['an error of the upstream', [ROLE, 'data: {"error":{"message":"no"}}\n\n', DONE], false],
    ['a named error', [ROLE, STOP, 'event: error\ndata: {}\n\n'], false],
  ])('with %s it is whole or not', (_name, events, isWhole) => {
    expect(pass(whole(events), 'chat').meter.isWhole).toBe(isWhole);
  });

  test('an end and figures that come together with the last text are seen', () => {
    const last =
      'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
    const passed = pass(whole([ROLE, TEXT, last]), 'chat');
    expect(passed.meter.isWhole).toBe(true);
    expect(figures(passed)).toEqual({ inputTokens: 1, outputTokens: 2, isEstimated: false });
  });

  test('an error that the upstream told is not told again', () => {
    expect(pass(whole([ROLE, 'data: {"error":{"message":"no"}}\n\n']), 'chat').meter.hasPassedError).toBe(true);
    expect(pass(whole([ROLE, TEXT]), 'chat').meter.hasPassedError).toBe(false);
  });
});

describe('a stream of the responses API', () => {
  const delta = 'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"four"}\n\n';
  const completed = (text: string): string =>
    `event: response.completed\ndata: ${JSON.stringify({
      type: 'response.completed',
      response: { output: [{ text }], usage: { input_tokens: 3, output_tokens: 9 }, metadata: {} },
    })}\n\n`;

  test('tells its usage with its end, even where that repeats a long text', () => {
    for (const text of ['short', 'y'.repeat(300_000)]) {
      const passed = pass(whole([delta, completed(text)]), 'responses');
      expect(figures(passed)).toEqual({ inputTokens: 3, outputTokens: 9, isEstimated: false });
      expect(passed.meter.isWhole).toBe(true);
    }
  });

  test('is whole and tells its usage where a long end comes in small pieces', () => {
    const text = Buffer.from(completed('y'.repeat(300_000)));
    const pieces = Array.from({ length: Math.ceil(text.length / 16_384) }, (_, i) =>
      text.subarray(i * 16_384, (i + 1) * 16_384),
    );
    const passed = pass([Buffer.from(delta), ...pieces], 'responses');
    expect(figures(passed)).toEqual({ inputTokens: 3, outputTokens: 9, isEstimated: false });
    expect(passed.meter.isWhole).toBe(true);
  });

  test('is not whole without its end', () => {
    const passed = pass(whole([delta]), 'responses');
    expect(passed.meter.isWhole).toBe(false);
    expect(figures(passed)).toEqual({ inputTokens: 5, outputTokens: 1, isEstimated: true });
  });
});

describe('a stream of the Messages API', () => {
  const start =
    'event: message_start\ndata: {"type":"message_start","message":{"stop_reason":null,"usage":{"input_tokens":2,"cache_read_input_tokens":40,"cache_creation_input_tokens":1,"output_tokens":1}}}\n\n';
  const delta =
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"eight by"}}\n\n';
  const end =
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}\n\n';
  const stop = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

  test('cached input counts, and the last figure of the output', () => {
    const passed = pass(whole([start, delta, end, stop]), 'messages');
    expect(figures(passed)).toEqual({ inputTokens: 43, outputTokens: 15, isEstimated: false });
    expect(passed.meter.isWhole).toBe(true);
  });

  test('cut short, the input is known and the output estimated', () => {
    const passed = pass(whole([start, delta]), 'messages');
    expect(figures(passed)).toEqual({ inputTokens: 43, outputTokens: 2, isEstimated: true });
    expect(passed.meter.isWhole).toBe(false);
  });

  test('is whole with a stop reason, and not with an error', () => {
    expect(pass(whole([start, end]), 'messages').meter.isWhole).toBe(true);
    const error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n';
    expect(pass(whole([start, delta, error]), 'messages').meter.isWhole).toBe(false);
  });
});
