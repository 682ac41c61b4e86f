/** Answers that say nothing about one caller: made once, so that a refusal allocates nothing. */

import type { KeyLookup, TokenFault } from './known-key.ts';

export const UNAVAILABLE: KeyLookup = Object.freeze({ kind: 'unavailable' });
export const UNKNOWN: KeyLookup = Object.freeze({ kind: 'refused', reason: 'unknown' });
/** The same for tokens, by the reason for the refusal. */
export const NOT_GENUINE: Readonly<Record<TokenFault, KeyLookup>> = Object.freeze({
  form: unknownFor('form'),
  issuer: unknownFor('issuer'),
  audience: unknownFor('audience'),
  key: unknownFor('key'),
  algorithm: unknownFor('algorithm'),
  signature: unknownFor('signature'),
  time: unknownFor('time'),
  type: unknownFor('type'),
  claim: unknownFor('claim'),
  owner: unknownFor('owner'),
});
export const EXPIRED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'expired' });
export const REVOKED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'revoked' });
export const DISABLED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'disabled' });
export const THROTTLED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'throttled' });

function unknownFor(why: TokenFault): KeyLookup {
  return Object.freeze({ kind: 'refused', reason: 'unknown', why });
}
