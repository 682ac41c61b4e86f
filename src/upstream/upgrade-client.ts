import type { Socket } from 'node:net';
import type { UpgradingClient } from '../exchange/upgrading-client.ts';
import { PieceList } from '../lib/piece-list.ts';
import type { TunnelSockets } from './tunnel-sockets.ts';

/** Bytes a client may send before the upstream has agreed; past them it is not read any further. */
const MOST_EARLY_BYTES = 64 * 1024;

/**
 * The client of a handshake, until the upstream has answered. It is read meanwhile, since only so its departure is
 * noticed; what it sends too early (RFC 6455 4.1) is kept for the tunnel, in order.
 */
export class UpgradeClient implements UpgradingClient {
  readonly socket: Socket;
  tunnel: TunnelSockets | undefined;
  private readonly early = new PieceList();
  private earlyBytes = 0;

  constructor(socket: Socket, head: Buffer) {
    this.socket = socket;
    if (head.length > 0) this.keep(head);
    socket.on('data', this.keep).once('end', this.leave);
  }

  giveBack(): void {
    const { socket } = this;
    socket.off('data', this.keep).off('end', this.leave).pause();
    if (this.earlyBytes > 0) socket.unshift(this.early.take());
    this.earlyBytes = 0;
  }

  /** There will be no tunnel: bytes that still arrive are discarded. */
  letGo(): void {
    this.socket.off('data', this.keep).off('end', this.leave).resume();
  }

  private readonly keep = (bytes: Buffer): void => {
    this.early.add(bytes);
    this.earlyBytes += bytes.length;
    if (this.earlyBytes > MOST_EARLY_BYTES) this.socket.pause();
  };

  /** The answer is no longer needed. */
  private readonly leave = (): void => void this.socket.destroy();
}
