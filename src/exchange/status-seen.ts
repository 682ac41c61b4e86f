import type { Exchange } from './exchange.ts';

/** What proxies have come to write when the client left before an answer; never sent to anybody. */
const CLIENT_CLOSED_REQUEST = 499;

/** The status of a finished exchange as the client got it; 499 when it left before an answer. */
export function statusSeen({ outcome, res }: Exchange): number {
  const isUnanswered = outcome === 'client_aborted' && !res.headersSent && res.statusCode !== 101;
  return isUnanswered ? CLIENT_CLOSED_REQUEST : res.statusCode;
}
