import { Rejection } from '../../errors/rejection.ts';
import { defineAccessPolicy } from '../policy.ts';
import { HeadersSchema } from './schema.ts';

const UNDERSCORE = new Rejection('INVALID_HEADER', 'A header name holds "_", which this route does not accept.');

/**
 * Refuses names with `_` where the route says so. Everything else of the section is compiled into the header blocks
 * themselves, in `upstream/request-headers.ts` and `upstream/response-headers.ts`.
 */
export const headersPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'headers',
  schema: HeadersSchema,
  errors: ['INVALID_HEADER'],
  create({ underscores }) {
    if (underscores !== 'refuse') return [];
    return [{ name: 'headers', decide: ({ edge }) => (edge.hasUnderscoreName ? UNDERSCORE : undefined) }];
  },
});
