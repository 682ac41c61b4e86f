import { GatewayError, Rejection } from '../errors/rejection.ts';
import { isStoreOutage } from '../storage/database-error.ts';

/** How long a client is asked to wait for a store that is down: about what finding it again takes. */
const STORE_RETRY_SECONDS = 2;

/** Turns an error of an endpoint into a refusal. An unexpected error only says that the gateway failed. */
export function toRejection(error: unknown): Rejection {
  if (error instanceof GatewayError) return error.rejection;
  if (isBadEscape(error)) return new Rejection('INVALID_PATH', 'The path holds an escape that is not UTF-8.');
  if (isStoreOutage(error)) {
    const facts = { retryAfterSeconds: STORE_RETRY_SECONDS };
    return new Rejection('STORE_UNAVAILABLE', 'The database does not answer at the moment.', { facts });
  }
  return new Rejection('INTERNAL_ERROR', 'The gateway failed to answer. The request id helps to find out why.');
}

/** Express marks what `decodeURIComponent` could not read. */
function isBadEscape(error: unknown): boolean {
  const { name, status } = error as { readonly name?: unknown; readonly status?: unknown };
  return name === 'URIError' && status === 400;
}
