import { isIssuedKey } from '../../identity/api-key-format.ts';
import type { AccessStep } from '../policy.ts';
import { clearOpenHandshake } from './socket-credential.ts';

/** Where clients put keys unless a configuration says otherwise. */
const KEY_HEADER = 'x-api-key';
const BEARER = /^bearer\s+/i;

/**
 * The step of a route that asks nobody. Many clients send their key with every request: one that this gateway has issued
 * ends here like one that was asked for, because the upstream could use it. What only might be a key passes.
 */
export function createOpenStep(): AccessStep {
  return {
    name: 'auth',
    decide: (exchange) => {
      if (exchange.edge.upgrade !== undefined) clearOpenHandshake(exchange);
      const { headers } = exchange.edge;
      const key = headers.get(KEY_HEADER);
      const authorization = headers.get('authorization');
      if (key !== undefined && isIssuedKey(key)) exchange.credentialHeader = KEY_HEADER;
      else if (authorization !== undefined && isIssuedKey(authorization.replace(BEARER, '')))
        exchange.credentialHeader = 'authorization';
      return undefined;
    },
  };
}
