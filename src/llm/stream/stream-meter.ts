import type { BodyFilter } from '../../exchange/body-filter.ts';
import { EventGate } from './event-gate.ts';
import { EventSplitter } from './event-splitter.ts';
import { hasMember, lastObject, stringLength } from './json-peek.ts';
import type { StreamShape } from './stream-shape.ts';
import { TailWindow } from './tail-window.ts';
import type { UsageMeter } from './usage-meter.ts';

const NOTHING = Buffer.alloc(0);
const NO_CHOICES = /"choices"\s*:\s*\[\s*\]/;

/**
 * Reads what an event stream of a model says about usage and about its own end. Bytes pass as they came, in the tick in
 * which they came; where the gateway has asked for an event that only tells usage and the client has not, that one is
 * left out, and then the beginning of an event waits for its end.
 */
export class StreamMeter implements BodyFilter {
  hasPassedError = false;

  private readonly usage: UsageMeter;
  private readonly shape: StreamShape;
  private readonly splitter = new EventSplitter();
  private readonly gate: EventGate | undefined;
  /** Of the event that has not ended. */
  private readonly window = new TailWindow();
  private hasEnded = false;
  private wasHidden = false;

  constructor(usage: UsageMeter, shape: StreamShape, hidesUsage: boolean) {
    this.usage = usage;
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
      if (!splitter.isRest) this.wasHidden = this.readEvent(this.textOf(chunk, start, end));
      gate?.decide(chunk, start, end, this.wasHidden);
      start = end;
    }
    if (start < chunk.length) window.add(start === 0 ? chunk : chunk.subarray(start));
    return gate ? gate.take(chunk, start) : chunk;
  }

  end(): Buffer {
    // Some servers leave out the empty line behind their last event.
    const isHidden = !this.window.isEmpty && this.readEvent(this.window.take());
    return this.gate ? this.gate.flush(isHidden) : NOTHING;
  }

  private textOf(chunk: Buffer, start: number, end: number): string {
    if (this.window.isEmpty) return chunk.toString('latin1', start, end);
    this.window.add(chunk.subarray(start, end));
    return this.window.take();
  }

  /** True for an event that tells usage and nothing else. */
  private readEvent(event: string): boolean {
    const { shape, usage } = this;
    if (shape.isError(event)) this.hasPassedError = true;
    if (!this.hasEnded && shape.isLast(event)) this.hasEnded = true;
    if (usage.isEstimated) this.countText(event);
    if (!event.includes('"usage"')) return false;
    const told = lastObject(event, 'usage');
    if (!told) return false;
    usage.report(told, shape.hasFinalUsage(event));
    return hasMember(event, 'choices', '[') && NO_CHOICES.test(event);
  }

  private countText(event: string): void {
    for (const name of this.shape.textNames) {
      const length = stringLength(event, name);
      if (length > 0) return this.usage.addText(length);
    }
  }
}
