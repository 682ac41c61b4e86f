import { type JsonObject, parseObject } from './json.ts';

/** A text that is to stand within JSON as the object that it writes. Whether it does is found out when it is written. */
export class ObjectText {
  readonly written: string;
  readonly refusal: () => Error;

  constructor(written: string, refusal: () => Error) {
    this.written = written;
    this.refusal = refusal;
  }

  toJSON(): JsonObject {
    const value = parseObject(this.written);
    if (!value) throw this.refusal();
    return value;
  }
}
