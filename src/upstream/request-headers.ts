import type { ServiceKind } from '../lib/service-kind.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HOP_BY_HOP, isForwardingHeader, isIdentityHeader } from '../edge/header-families.ts';
import type { Principal } from '../exchange/principal.ts';
import type { TargetAddress } from '../exchange/target-address.ts';
import { HeaderEdits, withoutNames } from './header-edits.ts';
import { nominatedNames } from './hop-by-hop.ts';
import { clientAuthority, clientPrefix } from './location.ts';

/** The part of the `headers` section that concerns requests. */
interface RequestHeaderConfig {
  readonly request: Parameters<typeof HeaderEdits.compile>[0];
  readonly preserve_host: boolean;
  readonly forward_credentials: boolean;
  readonly forward_identity: boolean;
  readonly allow_client_key?: boolean;
  readonly underscores: 'pass' | 'drop' | 'refuse';
}

/**
 * Never copied: written by the gateway from its own facts (`Host`, length, id, forwarding), answered here (`Expect`,
 * RFC 9110 section 10.1.1), or meant for one connection only.
 */
const WRITTEN_ANEW: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'expect',
  'x-request-id',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-prefix',
]);

/** All that a third party learns of a client's request. */
const MODEL_API_NAMES: ReadonlySet<string> = new Set([
  'content-type',
  'accept',
  'user-agent',
  'openai-beta',
  'anthropic-version',
  'anthropic-beta',
  'traceparent',
]);

/** Where a caller puts its own key for a provider that speaks OpenAI's language. */
const CLIENT_KEY = 'openai-api-key';

/**
 * Rebuilds the request's header block for the upstream; compiled once per route. Nothing is edited in place: a line
 * reaches the upstream because a rule lets it, and what the gateway adds is added after everything was taken away.
 */
export class RequestHeaders {
  private readonly isThirdParty: boolean;
  private readonly config: RequestHeaderConfig;
  private readonly edits: HeaderEdits | undefined;
  private readonly via: Readonly<Record<string, string>>;

  /** Throws an Error when the configured edits cannot be made. */
  constructor(kind: ServiceKind, config: RequestHeaderConfig, viaPseudonym: string) {
    this.isThirdParty = kind !== 'http';
    this.config = config;
    this.edits = HeaderEdits.compile(config.request);
    this.via = { '1.1': `1.1 ${viaPseudonym}`, '1.0': `1.0 ${viaPseudonym}` };
  }

  /**
   * name, value, … for undici: latin1 text, `Host` first, the target's credential last. `Content-Length` stands there
   * exactly when the `length` of the body is known; otherwise undici frames the body itself.
   */
  build(exchange: Exchange, target: TargetAddress, length: number | undefined): string[] {
    const { edge } = exchange;
    const host = this.config.preserve_host && edge.authority !== '' ? edge.authority : target.authority;
    const credential = this.credentialFor(exchange, target);
    let lines = ['Host', host];
    this.copy(exchange, credential?.name, lines);
    if (length !== undefined) lines.push('Content-Length', String(length));
    lines.push('X-Request-Id', exchange.id);
    // Without the line any coding would do (RFC 9110 12.5.3), and an answer has to be read to be counted or translated.
    if (this.isThirdParty) lines.push('Accept-Encoding', 'identity');
    if (!this.isThirdParty) this.pushProxyLines(exchange, lines);
    if (this.config.forward_identity) pushIdentity(exchange, lines);
    if (this.edits) lines = this.edits.apply(lines);
    if (!credential) return lines;
    if (this.edits) lines = withoutNames(lines, new Set([credential.name]));
    lines.push(credential.name, credential.value);
    return lines;
  }

  /** The caller may bring its own key for this target, and did. */
  sendsClientKey({ edge }: Pick<Exchange, 'edge'>, { provider }: TargetAddress): boolean {
    if (!this.config.allow_client_key || !this.isThirdParty || provider !== 'openai') return false;
    return (edge.headers.get(CLIENT_KEY) ?? '') !== '';
  }

  /** The target's own credential, or the caller's key in its place. */
  private credentialFor(exchange: Exchange, target: TargetAddress): TargetAddress['credential'] {
    const { credential } = target;
    if (!this.sendsClientKey(exchange, target)) return credential;
    const key = exchange.edge.headers.get(CLIENT_KEY) as string;
    const name = credential?.name ?? 'authorization';
    return { name, value: name === 'authorization' ? `Bearer ${key}` : key };
  }

  /** Copies the client's headers that may pass; `replaced` is the header that holds the gateway's credential. */
  private copy(exchange: Exchange, replaced: string | undefined, lines: string[]): void {
    const { edge } = exchange;
    const { raw, names } = edge.headers;
    const { config } = this;
    const nominated = names.includes('connection')
      ? nominatedNames(edge.headers.all('connection').join(','))
      : undefined;
    const { credentialHeader } = exchange;
    const believesProxy = edge.isPeerTrusted && config.forward_identity;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const isSpent = name === credentialHeader;
      const passes = isSpent ? config.forward_credentials : this.mayPass(name, believesProxy);
      if (!passes || name === replaced) continue;
      if (nominated?.includes(name) || (edge.hasUnderscoreName && this.dropsUnderscored(name))) continue;
      lines.push(raw[2 * i] as string, raw[2 * i + 1] as string);
    }
  }

  /** A client cannot bypass an edit of the route with another spelling that much software reads as the same name. */
  private dropsUnderscored(name: string): boolean {
    if (!name.includes('_')) return false;
    return this.config.underscores !== 'pass' || this.edits?.replaces(name.replaceAll('_', '-')) === true;
  }

  private mayPass(name: string, believesProxy: boolean): boolean {
    if (this.isThirdParty) return MODEL_API_NAMES.has(name) || name.startsWith('x-stainless-');
    if (WRITTEN_ANEW.has(name) || isIdentityHeader(name)) return false;
    if (name === 'x-master-key') return this.config.forward_credentials;
    return believesProxy || !isForwardingHeader(name);
  }

  private pushProxyLines(exchange: Exchange, lines: string[]): void {
    const { edge } = exchange;
    lines.push('X-Forwarded-Proto', edge.scheme);
    const host = clientAuthority(exchange);
    if (host !== '') lines.push('X-Forwarded-Host', host);
    const prefix = clientPrefix(exchange);
    if (prefix !== '') lines.push('X-Forwarded-Prefix', prefix);
    // RFC 9110 section 7.6.3: the entry names the protocol the message was received with.
    lines.push('Via', this.via[edge.httpVersion] as string);
  }
}

/** Who calls, and from where. */
function pushIdentity(exchange: Exchange, lines: string[]): void {
  const { edge, principal } = exchange;
  const before = edge.isPeerTrusted ? edge.headers.all('x-forwarded-for') : [];
  lines.push('X-Forwarded-For', before.length === 0 ? edge.peer : `${before.join(', ')}, ${edge.peer}`);
  if (principal) pushConsumer(principal, lines);
}

function pushConsumer({ consumer }: Principal, lines: string[]): void {
  lines.push('X-Consumer-Id', headerText(consumer.id));
  if (consumer.tier !== undefined) lines.push('X-Consumer-Tier', headerText(consumer.tier));
}

const PLAIN_TEXT = /^[!-$&-~]*$/;

/** Percent-encodes what lies outside 0x21–0x7E, and `%` itself, so that the upstream can decode it without doubt. */
function headerText(value: string): string {
  if (PLAIN_TEXT.test(value)) return value;
  return value.toWellFormed().replace(/[^!-$&-~]/gu, (character) => encodeURIComponent(character));
}
