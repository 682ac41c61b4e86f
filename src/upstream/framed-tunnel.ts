import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { FrameEdge } from './frame-edge.ts';

/** RFC 6455 section 7.4.1: an endpoint is "going away", such as a server going down. */
const GOING_AWAY = Buffer.from([1001 >> 8, 1001 & 0xff]);

/** The two sockets of an open WebSocket tunnel, followed frame by frame so that it can end in order. */
export class FramedTunnel {
  private readonly client: Socket;
  private readonly upstream: Socket;
  private readonly sent = new FrameEdge();
  private readonly received = new FrameEdge();

  constructor(client: Socket, upstream: Socket) {
    this.client = client;
    this.upstream = upstream;
    client.on('data', this.followClient);
    upstream.on('data', this.followUpstream);
  }

  /** Sends both sides a close frame ("going away") after completing frames that have begun. */
  close(): void {
    const { client, upstream } = this;
    client.off('data', this.followClient);
    upstream.off('data', this.followUpstream);
    endAfterFrame(upstream, client, this.received, closeFrame(false));
    endAfterFrame(client, upstream, this.sent, closeFrame(true));
  }

  private readonly followClient = (chunk: Buffer): void => void this.sent.take(chunk);
  private readonly followUpstream = (chunk: Buffer): void => void this.received.take(chunk);
}

/** Bytes from `from` go to `to` up to the end of the frame; the rest is discarded. */
function endAfterFrame(from: Socket, to: Socket, edge: FrameEdge, farewell: Buffer): void {
  from.unpipe(to);
  const end = (): void => {
    from.off('data', pass).resume();
    if (to.writable) to.end(farewell);
  };
  const pass = (chunk: Buffer): void => {
    to.write(chunk.subarray(0, edge.take(chunk, true)));
    if (edge.isBetweenFrames) end();
  };
  if (edge.isBetweenFrames) end();
  else from.on('data', pass).resume();
}

/** Frames of a client are masked, those of a server are not (RFC 6455 section 5.1). */
function closeFrame(isMasked: boolean): Buffer {
  if (!isMasked) return Buffer.concat([Buffer.from([0x88, GOING_AWAY.length]), GOING_AWAY]);
  const mask = randomBytes(4);
  const masked = GOING_AWAY.map((byte, i) => byte ^ (mask[i] as number));
  return Buffer.concat([Buffer.from([0x88, 0x80 | GOING_AWAY.length]), mask, masked]);
}
