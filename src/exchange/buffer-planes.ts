import { BufferBudget } from './buffer-budget.ts';

/** Bodies of own endpoints have at most 64 KiB: this is room for 256 of them at a time. */
const OWN_ENDPOINT_BYTES = 16 * 1024 * 1024;

/** Who is served with a body: what fills the memory of one plane is never felt on another. */
export type BufferPlane = keyof BufferPlanes;

interface PlaneSizes {
  readonly buffered_bytes: number;
  readonly caller_share: number;
}

/** The memory for request bodies, apart for each group of requests that must not starve another. */
export class BufferPlanes {
  /** Requests for routes. */
  readonly traffic: BufferBudget;
  /** Own endpoints that anybody may call, such as login and sign-up. */
  readonly open: BufferBudget;
  /** Own endpoints of callers who are known. */
  readonly account: BufferBudget;
  /** Own endpoints behind the master key. */
  readonly admin: BufferBudget;

  constructor({ buffered_bytes: bytes, caller_share: share }: PlaneSizes) {
    this.traffic = new BufferBudget(bytes, share);
    this.open = new BufferBudget(OWN_ENDPOINT_BYTES, Math.min(share, 50));
    this.account = new BufferBudget(OWN_ENDPOINT_BYTES, share);
    this.admin = new BufferBudget(OWN_ENDPOINT_BYTES, share);
  }
}
