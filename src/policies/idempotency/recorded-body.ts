import type { BufferAccount } from '../../exchange/buffer-budget.ts';

const FIRST_BYTES = 4 * 1024;

/**
 * The bytes of one body, copied into one buffer that grows: a stream of small chunks would otherwise hold on to the
 * larger buffers they are cut from. Bounded by itself and by what all recordings of the process may hold.
 */
export class RecordedBody {
  /** False once the body does not fit; its bytes are given up then. */
  isWhole = true;
  private readonly limit: number;
  private readonly account: BufferAccount;
  private buffer: Buffer = Buffer.alloc(0);
  private length = 0;

  constructor(limit: number, account: BufferAccount) {
    this.limit = limit;
    this.account = account;
  }

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  append(chunk: Buffer): void {
    if (!this.isWhole || !this.reserve(this.length + chunk.length)) return;
    chunk.copy(this.buffer, this.length);
    this.length += chunk.length;
  }

  /** Gives the memory back. Safe to call twice. */
  drop(): void {
    this.account.giveBack(this.buffer.length);
    this.buffer = Buffer.alloc(0);
    this.length = 0;
  }

  private reserve(needed: number): boolean {
    const held = this.buffer.length;
    if (needed <= held) return true;
    const wanted = Math.min(this.limit, Math.max(FIRST_BYTES, needed, 2 * held));
    if (needed > this.limit || !this.account.take(wanted - held)) {
      this.isWhole = false;
      this.drop();
      return false;
    }
    const larger = Buffer.allocUnsafeSlow(wanted);
    this.bytes.copy(larger);
    this.buffer = larger;
    return true;
  }
}
