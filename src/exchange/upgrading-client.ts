import type { Socket } from 'node:net';

/** The client of a WebSocket handshake, until the upstream has answered and beyond. */
export interface UpgradingClient {
  readonly socket: Socket;
  /** Set while bytes flow. */
  tunnel: { open(headers: readonly string[]): void; close(): void } | undefined;
  /** What came too early goes back into the socket, which is read no further. */
  giveBack(): void;
}
