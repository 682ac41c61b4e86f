import type { BodyFilter } from '../../exchange/body-filter.ts';
import { PieceList } from '../../lib/piece-list.ts';
import { decodeBody } from '../decode-body.ts';
import { lastObject, lastText } from './json-peek.ts';
import { readServiceTier } from './normal-usage.ts';
import { TailWindow } from './tail-window.ts';
import type { UsageMeter } from './usage-meter.ts';

const NOTHING = Buffer.alloc(0);
/** Compressed bytes that are kept until the end; usage of a longer answer is estimated. */
const MOST_COMPRESSED_BYTES = 1024 * 1024;

/** Reads the usage of an answer in JSON while its bytes pass as they came. */
export class WholeMeter implements BodyFilter {
  readonly isWhole = true;
  private readonly usage: UsageMeter;
  private readonly window = new TailWindow();

  constructor(usage: UsageMeter) {
    this.usage = usage;
  }

  write(chunk: Buffer): Buffer {
    this.usage.addText(chunk.length);
    this.window.add(chunk);
    return chunk;
  }

  end(): Buffer {
    readUsage(this.usage, this.window.take());
    return NOTHING;
  }
}

/** The same for an answer that is compressed. */
export class CompressedMeter implements BodyFilter {
  readonly isWhole = true;
  private readonly usage: UsageMeter;
  private readonly coding: string;
  private readonly pieces = new PieceList();
  private isTooLong = false;

  constructor(usage: UsageMeter, coding: string) {
    this.usage = usage;
    this.coding = coding;
  }

  write(chunk: Buffer): Buffer {
    this.usage.addText(chunk.length);
    if (this.isTooLong) return chunk;
    this.pieces.add(chunk);
    this.isTooLong = this.pieces.bytes > MOST_COMPRESSED_BYTES;
    if (this.isTooLong) this.pieces.clear();
    return chunk;
  }

  end(): Buffer {
    const body = this.isTooLong ? undefined : decodeBody(this.pieces.take(), this.coding);
    if (body) readUsage(this.usage, body.toString('latin1'));
    return NOTHING;
  }
}

/** Takes the usage that a whole answer tells, if it does. Only its figures matter, so the text may be latin1. */
export function readUsage(usage: UsageMeter, text: string): void {
  const told = lastObject(text, '"usage"') ?? lastObject(text, '"billed_units"') ?? lastObject(text, '"usageMetadata"');
  if (told) usage.report(told, true);
  if (text.includes('"service_tier"')) usage.noteServiceTier(readServiceTier(lastText(text, '"service_tier"')));
}
