import type { HeaderList } from '../../edge/header-list.ts';
import type { EdgeRequest } from '../../edge/edge-request.ts';
import type { CredentialKind } from './refusals.ts';
import { readSocketCredential, type SocketCredential } from './socket-credential.ts';

export interface Presented {
  readonly text: string;
  readonly kind: CredentialKind;
  /** Lower-case name of the header that carried it. */
  readonly header: string;
  /** Where a WebSocket brought it outside its usual headers. */
  readonly socket?: SocketCredential | undefined;
  /** Whether this kind is taken here; one that is not is looked up all the same, to say so. */
  readonly isAccepted: boolean;
  /** The same text came as a bearer, too. */
  readonly isTwice?: boolean;
  /** The one in the other header. */
  readonly other?: Presented | undefined;
}

/** What a route accepts. */
export interface Accepted {
  /** Lower-case name of the header that carries keys; `undefined` when keys are not accepted. */
  readonly keyHeader: string | undefined;
  readonly tokens: boolean;
  /** Whether a WebSocket may bring its credential in the query. */
  readonly inQuery: boolean;
}

/**
 * The credential of a request. Its headers come first; a WebSocket handshake may carry one elsewhere, because a browser
 * sets no header of it.
 */
export function readCredential(edge: EdgeRequest, accepted: Accepted): Presented | undefined {
  const inHeaders = readHeaders(edge.headers, accepted);
  const socket = edge.upgrade === undefined ? undefined : readSocketCredential(edge, accepted.inQuery);
  if (!socket) return inHeaders;
  const ofSocket = { ...bearerOf(socket.text, accepted), socket };
  if (!inHeaders) return ofSocket;
  return inHeaders.other || inHeaders.text === socket.text ? inHeaders : { ...inHeaders, other: ofSocket };
}

/**
 * The key header's value, and what follows `Authorization: Bearer`, which is a token or a key by its shape. An empty
 * header counts as not sent.
 */
function readHeaders(headers: HeaderList, accepted: Accepted): Presented | undefined {
  const { keyHeader } = accepted;
  const bearer = readAuthorization(headers, accepted);
  if (keyHeader === undefined || keyHeader === 'authorization') return bearer;
  const key = headers.get(keyHeader);
  if (!key) return bearer;
  const isTwice = bearer?.text === key;
  return {
    text: key,
    kind: 'api_key',
    header: keyHeader,
    isAccepted: true,
    isTwice,
    other: isTwice ? undefined : bearer,
  };
}

function readAuthorization(headers: HeaderList, accepted: Accepted): Presented | undefined {
  const authorization = headers.get('authorization');
  if (!authorization) return undefined;
  const text = readBearer(authorization) ?? (accepted.keyHeader === 'authorization' ? authorization : undefined);
  return text ? bearerOf(text, accepted) : undefined;
}

function bearerOf(text: string, accepted: Accepted): Presented {
  const kind = looksLikeToken(text) ? 'token' : 'api_key';
  const isAccepted = kind === 'token' ? accepted.tokens : accepted.keyHeader !== undefined;
  return { text, kind, header: 'authorization', isAccepted };
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
