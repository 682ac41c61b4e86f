import { GatewayError, Rejection } from '../errors/rejection.ts';

/** A field of the client's request has the wrong shape. `param` is its place: `messages[2].content`. */
export function malformed(param: string, detail: string): GatewayError {
  return new GatewayError(new Rejection('VALIDATION_ERROR', `"${param}" ${detail}`, { facts: { param } }));
}

/** A field of the client's request is well formed, but the provider of the model has nothing like it. */
export function notAvailable(param: string, detail: string): GatewayError {
  return new GatewayError(new Rejection('VALUE_ERROR', `"${param}" ${detail}`, { facts: { param } }));
}

/** A name may be as long as a body. */
const LONGEST_SHOWN = 100;

/** The provider has nothing like the operation. `path` may hold a query, which is not repeated. */
export function notServed(path: string, model: string | undefined): GatewayError {
  const whose = model ? ` of the model "${model.slice(0, LONGEST_SHOWN)}"` : '';
  const detail = `The provider${whose} does not serve ${path.split('?')[0]}.`;
  return new GatewayError(new Rejection('NOT_FOUND', detail));
}

/** An answer with a status below 300 that is not what its API promises. */
export function misunderstood(internal: string): GatewayError {
  return new GatewayError(notUnderstood(internal));
}

export function notUnderstood(internal: string): Rejection {
  return new Rejection('UPSTREAM_INVALID_RESPONSE', 'The upstream sent an answer that is not understood.', {
    internal,
  });
}
