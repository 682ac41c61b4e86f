import type { HeaderList } from '../../edge/header-list.ts';
import type { CredentialKind } from './refusals.ts';

export interface Presented {
  readonly text: string;
  readonly kind: CredentialKind;
  /** Lower-case name of the header that carried it. */
  readonly header: string;
}

/** What a route accepts. */
export interface Accepted {
  /** Lower-case name of the header that carries keys; `undefined` when keys are not accepted. */
  readonly keyHeader: string | undefined;
  readonly tokens: boolean;
}

/**
 * The one credential of a request: the key header's value, else what follows `Authorization: Bearer`. When both are sent
 * the key header decides alone, so that a request is never judged by one credential and accounted to another. An empty
 * header counts as not sent. The query is never looked at: addresses end up in logs.
 */
export function readCredential(headers: HeaderList, { keyHeader, tokens }: Accepted): Presented | undefined {
  const key = keyHeader === undefined ? undefined : headers.get(keyHeader);
  if (key && keyHeader !== 'authorization') return { text: key, kind: 'api_key', header: keyHeader as string };
  const authorization = headers.get('authorization');
  if (!authorization) return undefined;
  const text = readBearer(authorization) ?? (keyHeader === 'authorization' ? authorization : undefined);
  if (!text) return undefined;
  const isToken = tokens && (keyHeader === undefined || looksLikeToken(text));
  return { text, kind: isToken ? 'token' : 'api_key', header: 'authorization' };
}

const SCHEME = 'bearer ';

/**
 * RFC 6750 section 2.1; the scheme's case does not matter (RFC 9110 section 11.1). Without a regular expression, which
 * would cost a long token as much as its hash.
 */
function readBearer(value: string): string | undefined {
  if (value.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return undefined;
  const text = value.slice(SCHEME.length).trimStart();
  return text === '' || text.includes(' ') || text.includes('\t') ? undefined : text;
}

/** Three parts between dots, the first a JSON object in base64url: no issued key contains a dot. */
function looksLikeToken(text: string): boolean {
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return text.startsWith('ey') && first !== -1 && second !== -1 && !text.includes('.', second + 1);
}
