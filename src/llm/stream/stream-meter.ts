import type { BodyFilter } from '../../exchange/body-filter.ts';
import { EventGate } from './event-gate.ts';
import { EventSplitter } from './event-splitter.ts';
import { lastObject, lastText, stringLength } from './json-peek.ts';
import { readServiceTier } from './normal-usage.ts';
import type { StreamShape } from './stream-shape.ts';
import { TailWindow } from './tail-window.ts';
import type { UsageMeter } from './usage-meter.ts';

/** `data:` and two line ends. */
const LEAST_EVENT = 7;
const NOTHING = Buffer.alloc(0);
const NO_CHOICES = /"choices"\s*:\s*\[\s*\]/;

/**
 * Reads what an event stream of a model says about usage and about its own end. Bytes pass as they came, in the tick in
 * which they came; where the gateway has asked for an event that only tells usage and the client has not, that one is
 * left out, and then the beginning of an event waits for its end.
 */
export class StreamMeter implements BodyFilter {
  hasPassedError = false;
  hasEnded = false;

  private readonly usage: UsageMeter;
  private readonly shape: StreamShape;
  private readonly splitter = new EventSplitter();
  private readonly gate: EventGate | undefined;
  /** Of the event that has not ended. */
  private readonly window = new TailWindow();
  private wasHidden = false;
  private latestText: string | undefined;

  constructor(usage: UsageMeter, shape: StreamShape, hidesUsage: boolean) {
    this.usage = usage;
    usage.isTextOnly = true;
    this.shape = shape;
    this.gate = hidesUsage ? new EventGate() : undefined;
  }

  get isWhole(): boolean {
    return this.hasEnded && !this.hasPassedError;
  }

  write(chunk: Buffer): Buffer {
    const { gate, splitter, window } = this;
    let start = 0;
    for (let end = splitter.next(chunk, 0); end !== -1; end = splitter.next(chunk, end)) {
      if (!splitter.isRest)
        this.wasHidden = !this.isNothing(end - start) && this.readEvent(this.textOf(chunk, start, end));
      gate?.decide(chunk, start, end, this.wasHidden);
      start = end;
    }
    if (start < chunk.length) window.add(start === 0 ? chunk : chunk.subarray(start));
    return gate ? gate.take(chunk, start) : chunk;
  }

  end(): Buffer {
    // Some servers leave out the empty line behind their last event.
    const isHidden = !this.window.isEmpty && this.readEvent(this.window.take());
    if (this.latestText !== undefined) {
      this.noteEnd(this.latestText);
      if (this.usage.isEstimated) this.noteUsage(this.latestText);
    }
    return this.gate ? this.gate.flush(isHidden) : NOTHING;
  }

  /** Empty lines alone, of which an upstream may send millions. */
  private isNothing(bytes: number): boolean {
    return bytes < LEAST_EVENT && this.window.isEmpty;
  }

  private textOf(chunk: Buffer, start: number, end: number): string {
    if (this.window.isEmpty) return chunk.toString('latin1', start, end);
    this.window.add(chunk.subarray(start, end));
    return this.window.take();
  }

  /** True for an event that tells usage and nothing else. */
  private readEvent(event: string): boolean {
    if (this.countText(event)) {
      // Text seldom comes with anything else, and then in the last event of text: the others are not searched.
      this.latestText = event;
      return false;
    }
    this.noteEnd(event);
    return this.noteUsage(event) && NO_CHOICES.test(event);
  }

  private countText(event: string): boolean {
    for (const name of this.shape.textNames) {
      const length = stringLength(event, name);
      if (length === 0) continue;
      this.usage.addText(length);
      return true;
    }
    return false;
  }

  private noteEnd(event: string): void {
    const { shape } = this;
    if (shape.isError(event)) this.hasPassedError = true;
    if (!this.hasEnded && shape.isLast(event)) this.hasEnded = true;
  }

  private noteUsage(event: string): boolean {
    if (!this.shape.tellsUsage(event)) return false;
    const told = lastObject(event, '"usage"');
    if (told) {
      this.usage.report(told, this.shape.hasFinalUsage(event));
      this.usage.noteServiceTier(readServiceTier(lastText(event, '"service_tier"')));
    }
    return told !== undefined;
  }
}
