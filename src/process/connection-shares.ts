import type { Socket } from 'node:net';
import type { AddressSet } from '../lib/address-set.ts';
import { ipGroup } from '../lib/ip-group.ts';

/** Bounds the connections per client address (IPv6 by /64), so that one client cannot take them all. */
export class ConnectionShares {
  private readonly most: number;
  /** Trusted proxies carry the connections of many clients. */
  private readonly isExempt: AddressSet;
  private readonly counts = new Map<string, number>();

  constructor(most: number, isExempt: AddressSet) {
    this.most = most;
    this.isExempt = isExempt;
  }

  /** False if the connection exceeds the limit. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress;
    if (address === undefined || this.isExempt(address)) return true;
    const group = ipGroup(address);
    const count = this.counts.get(group) ?? 0;
    if (count >= this.most) return false;
    this.counts.set(group, count + 1);
    socket.once('close', () => this.leave(group));
    return true;
  }

  private leave(group: string): void {
    const left = (this.counts.get(group) ?? 1) - 1;
    if (left === 0) this.counts.delete(group);
    else this.counts.set(group, left);
  }
}
