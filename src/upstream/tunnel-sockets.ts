import type { Socket } from 'node:net';
import { FramedTunnel } from './framed-tunnel.ts';

/** When one side of a tunnel ends, the tunnel is over: WebSockets close both ways. Last bytes may take this long. */
const HALF_OPEN_MS = 1_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The two sockets of a tunnel, tied to each other. */
export class TunnelSockets {
  private readonly client: Socket;
  private readonly upstream: Socket;
  private readonly idleMs: number;
  private framed: FramedTunnel | undefined;

  constructor(client: Socket, upstream: Socket, idleMs: number) {
    this.client = client;
    this.upstream = upstream;
    this.idleMs = idleMs;
  }

  /** Writes the agreement with these headers, and lets bytes flow. */
  open(headers: readonly string[]): void {
    const { client, upstream } = this;
    client.on('error', () => upstream.destroy()).once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    client.write(agreement(headers), 'latin1');
    upstream.pipe(client).pipe(upstream);
    // Only after the two are connected: a listener of ours alone would swallow bytes.
    this.framed = new FramedTunnel(client, upstream);
    this.boundIdle();
  }

  /** Ends the tunnel in order, with a close frame to both sides. */
  close(): void {
    this.framed?.close();
  }

  /** Ends a tunnel through which no byte passes in either direction. */
  private boundIdle(): void {
    const { client, upstream, idleMs } = this;
    upstream.setTimeout(0);
    const bound = (): unknown =>
      client.setTimeout(client.readableEnded ? HALF_OPEN_MS : Math.min(idleMs, LONGEST_TIMER_MS));
    bound();
    client.once('end', bound).once('timeout', () => client.destroy());
  }
}

function agreement(headers: readonly string[]): string {
  let head = 'HTTP/1.1 101 Switching Protocols\r\n';
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
}
