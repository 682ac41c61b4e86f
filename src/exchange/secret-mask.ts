import type { BodyFilter } from './body-filter.ts';

/** Shorter ones would be found in ordinary words. */
const SHORTEST = 8;
const MASK = '*'.charCodeAt(0);
const NOTHING = Buffer.alloc(0);

/**
 * Hides the gateway's credential in what an upstream says of a request: providers quote the key they were given. The
 * length of the body stays the same.
 */
export class SecretMask implements BodyFilter {
  readonly isWhole = true;
  private readonly secret: Buffer;
  private readonly text: string;
  /** The end of what has come, as far as the secret may begin there. */
  private held: Buffer = NOTHING;

  private constructor(secret: string) {
    this.secret = Buffer.from(secret, 'latin1');
    this.text = secret;
  }

  /** `credential`: the value of a header line, with or without a scheme before it. */
  static of(credential: string): SecretMask | undefined {
    const secret = credential.slice(credential.lastIndexOf(' ') + 1);
    return secret.length < SHORTEST ? undefined : new SecretMask(secret);
  }

  write(chunk: Buffer): Buffer {
    const bytes = this.hide(this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]));
    const rest = bytes.length - this.beginningAtEnd(bytes);
    this.held = bytes.subarray(rest);
    return bytes.subarray(0, rest);
  }

  end(): Buffer {
    const { held } = this;
    this.held = NOTHING;
    return held;
  }

  /** The bytes themselves when nothing is hidden in them. */
  hide(bytes: Buffer): Buffer {
    const { secret } = this;
    let at = bytes.indexOf(secret);
    if (at === -1) return bytes;
    const hidden = Buffer.from(bytes);
    for (; at !== -1; at = hidden.indexOf(secret, at)) hidden.fill(MASK, at, at + secret.length);
    return hidden;
  }

  /** The same of the value of a header line, which nearly never holds the secret. */
  hideText(text: string): string {
    return text.includes(this.text) ? text.replaceAll(this.text, '*'.repeat(this.text.length)) : text;
  }

  /** How many bytes at the end are the first ones of the secret. */
  private beginningAtEnd(bytes: Buffer): number {
    for (let length = Math.min(this.secret.length - 1, bytes.length); length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.secret.subarray(0, length))) return length;
    }
    return 0;
  }
}
