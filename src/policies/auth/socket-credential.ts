import type { EdgeRequest } from '../../edge/edge-request.ts';
import { HeaderList } from '../../edge/header-list.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { isIssuedKey } from '../../identity/api-key-format.ts';

const SUBPROTOCOLS = 'sec-websocket-protocol';
const AUTHORIZATION = 'authorization';
const SUBPROTOCOLS_AS_WRITTEN = 'Sec-WebSocket-Protocol';
/** `bearer, <credential>`: the entry behind this word is the credential. */
const MARKER = 'bearer';
/** What clients of OpenAI's realtime API put before their key. */
const KEY_ENTRY = 'openai-insecure-api-key.';
/** RFC 6750 section 2.3. */
const QUERY_NAME = 'access_token';

/** A browser sets no header of a WebSocket handshake but its subprotocols, so the credential stands there, or in the address. */
export interface SocketCredential {
  readonly text: string;
  /** What is left of the handshake once the credential is taken out. */
  readonly subprotocols: readonly string[];
  readonly query: string;
  /** The entry that was offered beside the credential and names no protocol of the upstream. */
  readonly marker: string | undefined;
}

/** The credential that a WebSocket handshake carries outside its usual headers; `undefined` for all other requests. */
export function readSocketCredential(edge: EdgeRequest, takesQuery: boolean): SocketCredential | undefined {
  if (edge.upgrade !== 'websocket' || edge.method !== 'GET') return undefined;
  const fromQuery = takesQuery ? splitQuery(edge.query) : undefined;
  const query = fromQuery?.rest ?? edge.query;
  const offers = offersOf(edge.headers);
  const at = offers.findIndex(isCredentialEntry);
  const offer = offers[at];
  if (offer === undefined) {
    return fromQuery?.token ? { text: fromQuery.token, subprotocols: offers, query, marker: undefined } : undefined;
  }
  const isKeyEntry = offer.startsWith(KEY_ENTRY);
  const text = isKeyEntry ? offer.slice(KEY_ENTRY.length) : (offers[at + 1] as string);
  const subprotocols = offers.toSpliced(at, isKeyEntry ? 1 : 2);
  return { text, subprotocols, query, marker: isKeyEntry ? undefined : offer };
}

/** Leaves in the handshake of a known caller no credential of this gateway; what is none may be meant for the upstream. */
export function clearHandshake(
  exchange: Exchange,
  { text, socket: own }: { readonly text: string; readonly socket?: SocketCredential | undefined },
  takesQuery: boolean,
): void {
  if (own) return spend(exchange, own);
  const { edge } = exchange;
  const other = readSocketCredential(edge, takesQuery);
  if (other && (other.text === text || other.query !== edge.query || isIssuedKey(other.text))) takeOut(exchange, other);
}

export const AS_BEARER = { header: AUTHORIZATION } as const;

/** A good credential that did not have to decide: the upstream could use it, so it is not forwarded either. */
export function leaveOut(
  exchange: Exchange,
  { header, socket }: { readonly header: string; readonly socket?: SocketCredential | undefined },
): void {
  if (socket) return takeOut(exchange, socket);
  const { edge } = exchange;
  exchange.edge = { ...edge, headers: HeaderList.from(linesWithout(edge.headers, header)) };
}

/** Leaves no key of this gateway in the handshake where nobody is asked who they are. */
export function clearOpenHandshake(exchange: Exchange): void {
  const { edge } = exchange;
  const credential = readSocketCredential(edge, false);
  if (!credential || !isIssuedKey(credential.text)) return;
  if (edge.headers.has(AUTHORIZATION)) takeOut(exchange, credential);
  else spend(exchange, credential);
}

/**
 * Takes the credential out of what is forwarded. A browser gives up when none of its offers is chosen, so the marker is
 * answered where the upstream chose nothing.
 */
function takeOut(exchange: Exchange, { subprotocols, query, marker }: SocketCredential): void {
  const { edge } = exchange;
  const raw = linesWithout(edge.headers, SUBPROTOCOLS);
  if (subprotocols.length > 0) raw.push(SUBPROTOCOLS_AS_WRITTEN, subprotocols.join(', '));
  exchange.edge = { ...edge, query, headers: HeaderList.from(raw) };
  if (marker === undefined) return;
  exchange.onHead((headers, status) => {
    if (status === 101 && !HeaderList.from(headers).has(SUBPROTOCOLS)) headers.push(SUBPROTOCOLS_AS_WRITTEN, marker);
  });
}

/** The same of the credential that decided. It becomes a bearer like any other: whoever looks it up again finds it there. */
function spend(exchange: Exchange, credential: SocketCredential): void {
  takeOut(exchange, credential);
  const { edge } = exchange;
  const raw = linesWithout(edge.headers, AUTHORIZATION);
  raw.push('Authorization', `Bearer ${credential.text}`);
  exchange.edge = { ...edge, headers: HeaderList.from(raw) };
  exchange.credentialHeader = AUTHORIZATION;
}

function offersOf(headers: HeaderList): string[] {
  const lines = headers.all(SUBPROTOCOLS).join(',');
  return lines.split(',').flatMap((entry) => entry.trim() || []);
}

function isCredentialEntry(offer: string, at: number, offers: readonly string[]): boolean {
  if (offer.startsWith(KEY_ENTRY)) return offer.length > KEY_ENTRY.length;
  return offer.toLowerCase() === MARKER && at + 1 < offers.length;
}

/** The first value counts, and all of them are taken out. */
function splitQuery(query: string): { readonly token: string; readonly rest: string } | undefined {
  const pairs = query.slice(1).split('&');
  const found = pairs.find(isToken);
  if (found === undefined) return undefined;
  const rest = pairs.filter((pair) => !isToken(pair)).join('&');
  return { token: new URLSearchParams(found).get(QUERY_NAME) as string, rest: rest === '' ? '' : `?${rest}` };
}

function isToken(pair: string): boolean {
  return new URLSearchParams(pair).has(QUERY_NAME);
}

function linesWithout({ raw, names }: HeaderList, dropped: string): string[] {
  return raw.filter((_text, i) => names[i >> 1] !== dropped);
}
