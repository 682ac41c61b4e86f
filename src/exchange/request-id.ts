import { randomFillSync } from 'node:crypto';
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
/** Ids per call of the random generator: asking for each one alone costs ten times as much. */
const BATCH = 128;

export function createRequestIds(): RequestIds {
  const random = Buffer.alloc((BATCH * DIGITS) / 2);
  let digits = '';
  let position = 0;
  const next = (): string => {
    if (position === digits.length) {
      digits = randomFillSync(random).toString('hex');
      position = 0;
    }
    position += DIGITS;
    return `req_${digits.slice(position - DIGITS, position)}`;
  };
  const of = (headers: HeaderList): string => {
    const index = headers.names.indexOf('x-request-id');
    if (index === -1) return next();
    const given = headers.raw[2 * index + 1] as string;
    const isAlone = headers.names.lastIndexOf('x-request-id') === index;
    return isAlone && CLIENT_ID.test(given) ? given : next();
  };
  return { next, of };
}
