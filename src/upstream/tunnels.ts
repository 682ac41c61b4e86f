import type { Socket } from 'node:net';
import type { Exchange } from '../exchange/exchange.ts';
import { UpgradeClient } from './upgrade-client.ts';

interface RunningTunnel {
  readonly client: UpgradeClient;
  /** The gateway ends before the upstream has answered, and nothing was written to the client yet. */
  readonly onCutShort: () => void;
}

/** So long may both sides of a tunnel take to answer its close frame. */
const IN_ORDER_MS = 1_000;

/** Every WebSocket of the gateway, from its handshake on. */
export class Tunnels {
  private readonly running = new Map<Exchange, RunningTunnel>();

  /** Number of tunnels that are open or being opened. */
  get size(): number {
    return this.running.size;
  }

  /** Takes the client of an exchange whose access policies have agreed. `head`: bytes that came with its handshake. */
  enter(exchange: Exchange, socket: Socket, head: Buffer, onCutShort: () => void): UpgradeClient {
    const client = new UpgradeClient(socket, head);
    this.running.set(exchange, { client, onCutShort });
    socket.once('close', () => this.running.delete(exchange));
    return client;
  }

  carries(exchange: Exchange): boolean {
    return this.running.has(exchange);
  }

  /** Ends one tunnel: in order if both sides let it, at once after a second. False when the exchange has none. */
  end(exchange: Exchange): boolean {
    const client = this.running.get(exchange)?.client;
    if (!client) return false;
    client.tunnel?.close();
    if (!client.tunnel) client.socket.destroy();
    else setTimeout(() => client.socket.destroy(), IN_ORDER_MS).unref();
    return true;
  }

  /** Ends every tunnel in order: a close frame where bytes flow, an answer where the upstream has given none. */
  sayGoodbye(): void {
    for (const [exchange, { client, onCutShort }] of this.running) {
      if (client.tunnel) client.tunnel.close();
      else if (!exchange.isCommitted && !exchange.isAbandoned) onCutShort();
    }
  }

  /** Closes every tunnel, both ends, at once. */
  closeAll(): void {
    for (const { client } of this.running.values()) client.socket.destroy();
  }
}
