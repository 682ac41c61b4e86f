import type { LateBody } from '../exchange/model-call.ts';
import type { Turns } from '../lib/turns.ts';
import { toBytes } from './json.ts';
import { JsonWriter } from './json-writer.ts';

/** The body of a translated request, which is written once and only when it is sent. */
export class JsonBody implements LateBody {
  private readonly value: object;
  private written: Buffer | undefined;

  constructor(value: object) {
    this.value = value;
  }

  get bytes(): Buffer {
    this.written ??= toBytes(this.value);
    return this.written;
  }

  toString(): string {
    return this.bytes.toString();
  }

  /** Writes it in short steps: one large body must not make everybody else wait. */
  async write(turns: Turns): Promise<void> {
    if (this.written) return;
    const writer = new JsonWriter();
    const steps = writer.write(this.value);
    await turns.run(() => steps.next().done === true);
    this.written = writer.take();
  }
}
