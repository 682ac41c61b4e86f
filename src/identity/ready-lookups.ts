/** Answers that say nothing about one caller: made once, so that a refusal allocates nothing. */

import type { KeyLookup } from './known-key.ts';

export const UNAVAILABLE: KeyLookup = Object.freeze({ kind: 'unavailable' });
export const UNKNOWN: KeyLookup = Object.freeze({ kind: 'refused', reason: 'unknown' });
export const EXPIRED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'expired' });
export const REVOKED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'revoked' });
export const DISABLED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'disabled' });
export const THROTTLED: KeyLookup = Object.freeze({ kind: 'refused', reason: 'throttled' });
