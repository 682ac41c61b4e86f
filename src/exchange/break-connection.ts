import type { Exchange } from './exchange.ts';

/**
 * Ends a response that has begun so that nobody can take it for whole. A missing last chunk says so, and a length that
 * was not reached; where only the end of the connection ends the body, it takes a reset (RFC 9112 8).
 */
export function breakConnection({ res, edge, isEndedByClose }: Exchange): void {
  const { socket } = res;
  const isPlain = socket && !('encrypted' in socket);
  if (isPlain && (isEndedByClose || edge.httpVersion === '1.0')) socket.resetAndDestroy();
  else res.destroy();
}

/** That the connection ended does not prove that the body did: a last chunk of ours would say so. */
export function endByClose(exchange: Exchange): void {
  exchange.isEndedByClose = true;
  exchange.closeConnection();
  exchange.res.useChunkedEncodingByDefault = false;
}
