import { inspect } from 'node:util';

const MASK = '[redacted]';

/**
 * A credential in memory. It prints `[redacted]` in JSON, in `util.inspect`, in template strings and in concatenation,
 * so that neither a log line nor an error can carry it by accident; only `reveal` opens it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The credential itself: for the header writer, a hash or a comparison, never for text. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
