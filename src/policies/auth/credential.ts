import type { HeaderList } from '../../exchange/header-list.ts';

export interface Presented {
  readonly text: string;
  /** Lower-case name of the header that carried it. */
  readonly header: string;
}

/**
 * The one credential of a request: the key header's value, else the token of `Authorization: Bearer`. When both are
 * sent the key header decides alone, so that a request is never judged by one credential and accounted to another. An
 * empty header counts as not sent. The query is never looked at: addresses end up in logs.
 */
export function readCredential(headers: HeaderList, keyHeader: string): Presented | undefined {
  const key = headers.get(keyHeader);
  if (key && keyHeader !== 'authorization') return { text: key, header: keyHeader };
  const authorization = headers.get('authorization');
  if (!authorization) return undefined;
  const token = readBearer(authorization) ?? (keyHeader === 'authorization' ? authorization : undefined);
  return token ? { text: token, header: 'authorization' } : undefined;
}

/** RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1). */
function readBearer(value: string): string | undefined {
  return /^bearer +(\S+)$/i.exec(value)?.[1];
}
