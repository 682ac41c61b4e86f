import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { defineAccessPolicy, type Verdict } from '../policy.ts';
import { HeadersSchema } from './schema.ts';

const UNDERSCORE = new Rejection('INVALID_HEADER', 'A header name holds "_", which this route does not accept.');
const NO_KEY = new Rejection('INVALID_HEADER', 'openai-api-key must be 8 to 512 visible ASCII characters.');

/** What a caller's own key may be: it is written into `Authorization`. */
const CLIENT_KEY = /^[!-~]{8,512}$/;

/**
 * Refuses names with `_` where the route says so, and a caller's own key that can be none. Everything else of the section
 * is compiled into the header blocks themselves, in `upstream/request-headers.ts` and `upstream/response-headers.ts`.
 */
export const headersPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'headers',
  schema: HeadersSchema,
  errors: ['INVALID_HEADER'],
  create({ underscores, allow_client_key: takesKey }) {
    const refusesUnderscores = underscores === 'refuse';
    if (!refusesUnderscores && !takesKey) return [];
    const decide = ({ edge }: Exchange): Verdict => {
      if (refusesUnderscores && edge.hasUnderscoreName) return UNDERSCORE;
      const key = takesKey ? edge.headers.get('openai-api-key') : undefined;
      return key === undefined || key === '' || CLIENT_KEY.test(key) ? undefined : NO_KEY;
    };
    return [{ name: 'headers', decide }];
  },
});
