import { createRandomHex } from '../lib/random-hex.ts';
import type { HeaderList } from './header-list.ts';

/** Names exchanges: makes ids of its own and decides whether a client's own may be kept. */
export interface RequestIds {
  /** `req_` and 24 hexadecimal digits, 96 random bits: unique without asking anybody, safe in any log or header. */
  next(): string;
  /** The client's `X-Request-Id` when it is sent once and is 1–128 of `[A-Za-z0-9._-]`; otherwise a new id. */
  of(headers: HeaderList): string;
}

const CLIENT_ID = /^[A-Za-z0-9._-]{1,128}$/;
const DIGITS = 24;

export function createRequestIds(): RequestIds {
  const digits = createRandomHex(DIGITS);
  const next = (): string => `req_${digits()}`;
  const of = (headers: HeaderList): string => {
    const index = headers.names.indexOf('x-request-id');
    if (index === -1) return next();
    const given = headers.raw[2 * index + 1] as string;
    const isAlone = headers.names.lastIndexOf('x-request-id') === index;
    return isAlone && CLIENT_ID.test(given) ? given : next();
  };
  return { next, of };
}
