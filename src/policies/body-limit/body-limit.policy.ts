import { tooLarge } from '../../exchange/request-body.ts';
import { defineAccessPolicy } from '../policy.ts';
import { BodyLimitSchema } from './schema.ts';

/**
 * Refuses a body that announces more than the route accepts before one byte of it is read. A body of unknown length is
 * counted while it passes and cut at the limit.
 */
export const bodyLimitPolicy = defineAccessPolicy({
  name: 'body_limit',
  phase: 'access',
  schema: BodyLimitSchema,
  errors: ['BODY_TOO_LARGE', 'REQUEST_TIMEOUT', 'OVERLOADED'],
  create: (limit: number, _deps, at) => [
    {
      name: 'body_limit',
      decide: (exchange) => {
        const { body, edge } = exchange;
        if (edge.contentLength !== undefined && edge.contentLength > limit) return tooLarge(limit);
        body.limit = limit;
        // What these kinds relay is read by the gateway and repeated at another target, so it is held whole.
        if (at.kind !== 'http') body.mustBuffer = true;
        return undefined;
      },
    },
  ],
});
