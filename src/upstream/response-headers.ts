import type { ServiceKind } from '../lib/service-kind.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { HOP_BY_HOP, isForwardingHeader, isIdentityHeader } from '../edge/header-families.ts';
import { SecretMask } from '../exchange/secret-mask.ts';
import type { Answer } from './attempt.ts';
import { HeaderEdits, withoutNames } from './header-edits.ts';
import { nominatedNames } from './hop-by-hop.ts';
import { clientLocation } from './location.ts';

/** The part of the `headers` section that concerns responses. */
interface ResponseHeaderConfig {
  readonly response: Parameters<typeof HeaderEdits.compile>[0];
}

/** The head of an upstream's answer, as it came. */
export type AnswerHead = Pick<Answer, 'status' | 'headers' | 'target'>;

/**
 * What becomes of a line of the upstream's answer. `limit`: dropped when limits of our own are announced, and always from
 * a third party. `third_party`: passes from an upstream of the operator's own only, because another means its customer by
 * it, which is the operator and not the client, or its own origin, which is not ours.
 */
type Fate = 'pass' | 'drop' | 'connection' | 'length' | 'location' | 'limit' | 'type' | 'buffering' | 'third_party';

const EVENT_STREAM = /^text\/event-stream\b/i;

const OF_THE_ACCOUNT = ['set-cookie', 'openai-organization', 'openai-project', 'anthropic-organization-id'];

/** Headers that a browser attributes to the origin that it asked, which is this gateway. */
const OF_THE_ORIGIN = [
  ...['strict-transport-security', 'alt-svc', 'clear-site-data', 'refresh', 'service-worker-allowed', 'origin-trial'],
  ...['report-to', 'reporting-endpoints', 'nel', 'expect-ct', 'public-key-pins', 'accept-ch', 'critical-ch'],
  ...['content-security-policy', 'content-security-policy-report-only', 'permissions-policy', 'p3p'],
  ...['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-allow-methods'],
  ...['access-control-allow-headers', 'access-control-expose-headers', 'access-control-max-age'],
  ...['access-control-allow-private-network', 'timing-allow-origin', 'origin-agent-cluster', 'set-login'],
];

const FATES: ReadonlyMap<string, Fate> = tableOfFates();

/** Rebuilds the header block of an upstream's answer for the client; compiled once per route. */
export class ResponseHeaders {
  private readonly isThirdParty: boolean;
  private readonly edits: HeaderEdits | undefined;
  private readonly via: string;

  /** Throws an Error when the configured edits cannot be made. */
  constructor(kind: ServiceKind, config: ResponseHeaderConfig, viaPseudonym: string) {
    this.isThirdParty = kind !== 'http';
    this.edits = HeaderEdits.compile(config.response);
    this.via = `1.1 ${viaPseudonym}`;
  }

  /** The route's edits, for answers of the gateway's own; `undefined` without any. */
  get editOwn(): ((headers: readonly string[]) => string[]) | undefined {
    const { edits } = this;
    return edits && ((headers) => edits.apply(headers));
  }

  /**
   * name, value, … for `ServerResponse.writeHead`: end-to-end lines in their order, `Set-Cookie` one per line, then
   * what the gateway adds, then the route's own edits. Copied values cannot hold CR, LF or NUL: the upstream's answer
   * was parsed strictly.
   */
  build(exchange: Exchange, answer: AnswerHead): string[] {
    const { headers } = answer;
    let lines: string[] = [];
    let connection: string | undefined;
    let buffering: string | undefined;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      const value = headers[i + 1] as string;
      const fate = FATES.get(name) ?? fateOf(name.toLowerCase());
      if (fate === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
      else if (fate === 'buffering') buffering ??= value;
      else if (fate === 'type' && EVENT_STREAM.test(value)) buffering = 'no';
      const passed = this.passes(fate) ? value : this.passedValue(fate, value, exchange, answer);
      if (passed !== undefined) lines.push(name, passed);
    }
    if (this.isThirdParty) hideCredential(lines, answer);
    const nominated = nominatedNames(connection);
    if (nominated) lines = withoutNames(lines, new Set(nominated));
    if (buffering !== undefined) lines.push('X-Accel-Buffering', buffering);
    lines.push('Via', this.via, 'X-Request-Id', exchange.id);
    return this.edits ? this.edits.apply(lines) : lines;
  }

  private passes(fate: Fate): boolean {
    return fate === 'pass' || (fate === 'third_party' && !this.isThirdParty);
  }

  private passedValue(fate: Fate, value: string, exchange: Exchange, answer: AnswerHead): string | undefined {
    return fate === 'limit' && this.isThirdParty ? undefined : passedValue(fate, value, exchange, answer);
  }
}

/** Providers quote the key that they were given. */
function hideCredential(lines: string[], { target: { credential } }: AnswerHead): void {
  const mask = credential && SecretMask.of(credential.value);
  if (!mask) return;
  for (let i = 1; i < lines.length; i += 2) lines[i] = mask.hideText(lines[i] as string);
}

/** The value the client gets; `undefined` for a line that does not pass. */
function passedValue(fate: Fate, value: string, exchange: Exchange, answer: AnswerHead): string | undefined {
  switch (fate) {
    case 'length':
      // RFC 9110 section 8.6: none with 204; a 304 needs none, and undici leaves even a wrong one in place.
      return answer.status === 204 || answer.status === 304 ? undefined : value;
    case 'limit':
      return exchange.limit || exchange.tokenLimit ? undefined : value;
    case 'location':
      return clientLocation(value, exchange, answer.target);
    case 'pass':
    case 'type':
      return value;
    case 'drop':
    case 'third_party':
    case 'connection':
    case 'buffering':
      return undefined;
  }
}

function fateOf(name: string): Fate {
  const known = FATES.get(name);
  if (known !== undefined) return known;
  if (isIdentityHeader(name) || isForwardingHeader(name) || name.startsWith('x-gateway-')) return 'drop';
  return name.startsWith('x-ratelimit-') ? 'limit' : 'pass';
}

function tableOfFates(): Map<string, Fate> {
  const frequent = `accept-ranges age cache-control content-encoding content-disposition content-language date etag
    expires last-modified server vary via x-powered-by`;
  const table = new Map<string, Fate>(frequent.split(/\s+/).map((name) => [name, 'pass']));
  for (const name of HOP_BY_HOP) table.set(name, 'drop');
  table.set('x-request-id', 'drop').set('x-accel-buffering', 'buffering');
  for (const name of ['ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']) {
    table.set(name, 'limit');
  }
  for (const name of [...OF_THE_ACCOUNT, ...OF_THE_ORIGIN]) table.set(name, 'third_party');
  table.set('connection', 'connection').set('content-length', 'length').set('content-type', 'type');
  table.set('location', 'location').set('content-location', 'location');
  for (const [name, fate] of [...table]) table.set(capitalise(name), fate);
  return table;
}

/** The usual spelling, so that most lines are recognised without being lower-cased first. */
function capitalise(name: string): string {
  return name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
}
