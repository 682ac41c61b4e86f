import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { BodyFilter } from '../../exchange/body-filter.ts';
import { UsageMeter } from './usage-meter.ts';
import { CompressedMeter, WholeMeter } from './whole-meter.ts';

const BODY = Buffer.from(
  JSON.stringify({
    choices: [{ message: { content: 'Grüße' } }],
    usage: { prompt_tokens: 3, completion_tokens: 4 },
    x: 1,
  }),
);

function pass(meter: BodyFilter, body: Buffer, size: number): Buffer {
  const written: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) written.push(meter.write(body.subarray(at, at + size)));
  return Buffer.concat([...written, meter.end()]);
}

describe('a whole answer passes unchanged and tells its usage', () => {
  test.each([1, 7, 1_000])('in pieces of %i bytes', (size) => {
    const usage = new UsageMeter(9, true);
    expect(pass(new WholeMeter(usage), BODY, size)).toEqual(BODY);
    expect([usage.inputTokens, usage.outputTokens, usage.isEstimated]).toEqual([3, 4, false]);
  });

  test('behind megabytes of vectors', () => {
    const usage = new UsageMeter(9, false);
    const vectors = {
      data: Array.from({ length: 200_000 }, (_, i) => i / 7),
      usage: { prompt_tokens: 5, total_tokens: 5 },
    };
    pass(new WholeMeter(usage), Buffer.from(JSON.stringify(vectors)), 16_384);
    expect([usage.inputTokens, usage.outputTokens, usage.isEstimated]).toEqual([5, 0, false]);
  });

  test.each([
    ['gzip', gzipSync(BODY)],
    ['br', brotliCompressSync(BODY)],
    ['GZIP', gzipSync(BODY)],
  ])('compressed with %s', (coding, body) => {
    const usage = new UsageMeter(9, true);
    expect(pass(new CompressedMeter(usage, coding), body, 10)).toEqual(body);
    expect([usage.inputTokens, usage.outputTokens, usage.isEstimated]).toEqual([3, 4, false]);
  });
});

describe('what cannot be read is estimated from its size', () => {
  test.each<[string, (usage: UsageMeter) => BodyFilter, Buffer]>([
    ['no usage', (usage) => new WholeMeter(usage), Buffer.from('{"a":1}')],
    ['no such coding', (usage) => new CompressedMeter(usage, 'exotic'), BODY],
    ['a broken archive', (usage) => new CompressedMeter(usage, 'gzip'), BODY],
    ['a bomb', (usage) => new CompressedMeter(usage, 'gzip'), gzipSync(Buffer.alloc(9 * 1024 * 1024))],
  ])('%s', (_name, meterOf, body) => {
    const usage = new UsageMeter(9, true);
    expect(pass(meterOf(usage), body, 1_000)).toEqual(body);
    expect([usage.inputTokens, usage.outputTokens, usage.isEstimated]).toEqual([9, Math.ceil(body.length / 4), true]);
  });
});
