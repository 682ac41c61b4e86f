import { Rejection } from '../errors/rejection.ts';
import { HOP_BY_HOP, isForwardingHeader, isIdentityHeader } from './header-families.ts';

/**
 * What a header line means to the edge; a line without a role is only carried along. `impostor`: its name becomes a
 * protected one where software reads `_` as `-`.
 */
type Role =
  | 'host'
  | 'length'
  | 'coding'
  | 'connection'
  | 'upgrade'
  | 'expect'
  | 'forwards'
  | 'via'
  | 'proto'
  | 'single'
  | 'underscore'
  | 'impostor';

interface NameReading {
  readonly name: string;
  readonly role: Role | undefined;
}

const FIXED_ROLES: readonly (readonly [string, Role])[] = [
  ['host', 'host'],
  ['content-length', 'length'],
  ['transfer-encoding', 'coding'],
  ['connection', 'connection'],
  ['upgrade', 'upgrade'],
  ['expect', 'expect'],
  ['max-forwards', 'forwards'],
  ['via', 'via'],
  ['x-forwarded-proto', 'proto'],
  ['content-type', 'single'],
  ['authorization', 'single'],
  ['idempotency-key', 'single'],
];

/** Names worth recognising at sight because clients and proxies send them all the time. */
const FREQUENT_NAMES = `accept accept-encoding accept-language cache-control content-encoding cookie dnt forwarded
  if-modified-since if-none-match origin pragma priority range referer sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform
  sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user te traceparent tracestate upgrade-insecure-requests
  user-agent x-forwarded-for x-forwarded-host x-forwarded-port x-real-ip x-request-id x-requested-with`.split(/\s+/);

const BAD_EXPECTATION = new Rejection('EXPECTATION_FAILED', 'The only expectation met here is "100-continue".', {
  closes: true,
});
const LOOP = new Rejection('LOOP_DETECTED', 'This gateway has handled the request before: check the upstream address.');

/** What to look for in header lines; compiled once per gateway. */
export class HeaderRoles {
  private readonly roles: ReadonlyMap<string, Role>;
  /** Names in their usual spellings: one lookup then stands for lower-casing, role and the search for `_`. */
  private readonly spellings = new Map<string, NameReading>();
  private readonly viaPseudonym: string;

  /** `credentialHeaders` are lower-case. */
  constructor(credentialHeaders: ReadonlySet<string>, viaPseudonym: string) {
    const credentials = [...credentialHeaders].map((name): readonly [string, Role] => [name, 'single']);
    this.roles = new Map([...credentials, ...FIXED_ROLES]);
    this.viaPseudonym = viaPseudonym;
    for (const name of [...this.roles.keys(), ...FREQUENT_NAMES]) {
      const reading = this.interpret(name);
      const capitalised = name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
      const withAcronym = capitalised.replace(/\b(?:Api|Id|Dnt|Te)\b/, (word) => word.toUpperCase());
      for (const spelling of [name, capitalised, withAcronym]) this.spellings.set(spelling, reading);
    }
  }

  /** The lower-case name and its role. */
  read(rawName: string): NameReading {
    return this.spellings.get(rawName) ?? this.interpret(rawName.toLowerCase());
  }

  private interpret(name: string): NameReading {
    const role = this.roles.get(name);
    if (role !== undefined || !name.includes('_')) return { name, role };
    return { name, role: this.protects(name.replaceAll('_', '-')) ? 'impostor' : 'underscore' };
  }

  /** True when a line of this name could be taken for one the gateway sets, strips or authenticates by. */
  private protects(name: string): boolean {
    if (this.roles.has(name) || HOP_BY_HOP.has(name) || name === 'x-request-id' || name === 'traceparent') return true;
    return isIdentityHeader(name) || isForwardingHeader(name);
  }

  /** True when a `Via` line (RFC 9110 section 7.6.3) names this gateway. */
  isOwnVia(value: string): boolean {
    if (!value.includes(this.viaPseudonym)) return false;
    return value.split(',').some((hop) => hop.trim().split(/[ \t]+/)[1] === this.viaPseudonym);
  }
}

/** What one pass over the header lines finds out. */
export class HeaderScan {
  /** name, value, … of the lines that are kept; the very array that was scanned unless a line was dropped. */
  raw: readonly string[];
  readonly names: string[] = [];
  authority: string | undefined;
  contentLength: string | undefined;
  /** The list of `Transfer-Encoding` over all its lines. */
  coding: string | undefined;
  /** The lists of `Connection` and `Upgrade` over all their lines, with a leading comma; empty without such a line. */
  connection = '';
  upgrade = '';
  expectsContinue = false;
  maxForwards: string | undefined;
  forwardedProto: string | undefined;
  hasUnderscoreName = false;
  /** Size of the lines as sent: names, values, `: ` and CRLF. */
  bytes = 0;

  constructor(raw: readonly string[]) {
    this.raw = raw;
  }

  /**
   * Reads every line once; the first line that cannot be accepted ends the pass. Values need no look at their
   * characters: Node's parser, kept strict, refuses every control but the tab (a test on real sockets holds it to that).
   */
  run(roles: HeaderRoles): Rejection | undefined {
    const { raw, names } = this;
    let impostors: number[] | undefined;
    for (let i = 0; i < raw.length; i += 2) {
      const value = raw[i + 1] as string;
      const { name, role } = roles.read(raw[i] as string);
      this.bytes += name.length + value.length + 4;
      if (role !== undefined) {
        const refusal = this.take(role, name, value, roles);
        if (refusal) return refusal;
        if (role === 'impostor') {
          (impostors ??= []).push(i);
          continue;
        }
      }
      names.push(name);
    }
    if (impostors) this.raw = raw.filter((_, index) => !impostors.includes(index & ~1));
    return undefined;
  }

  private take(role: Role, name: string, value: string, roles: HeaderRoles): Rejection | undefined {
    switch (role) {
      case 'single':
        return this.names.includes(name) ? duplicate(name) : undefined;
      case 'host':
        if (this.authority !== undefined) return duplicate(name);
        this.authority = value;
        return undefined;
      case 'length':
        if (this.contentLength !== undefined) return duplicate(name);
        this.contentLength = value;
        return undefined;
      case 'coding':
        this.coding = this.coding === undefined ? value : `${this.coding},${value}`;
        return undefined;
      case 'expect':
        if (value.toLowerCase() !== '100-continue') return BAD_EXPECTATION;
        this.expectsContinue = true;
        return undefined;
      case 'forwards':
        this.maxForwards = value;
        return undefined;
      case 'via':
        return roles.isOwnVia(value) ? LOOP : undefined;
      case 'connection':
        this.connection = `${this.connection},${value}`;
        return undefined;
      case 'upgrade':
        this.upgrade = `${this.upgrade},${value}`;
        return undefined;
      case 'underscore':
      case 'impostor':
        this.hasUnderscoreName = true;
        return undefined;
      case 'proto':
        this.forwardedProto = value;
        return undefined;
    }
  }
}

function duplicate(name: string): Rejection {
  return new Rejection('DUPLICATE_HEADER', `The header ${name} may be sent once.`, { closes: true });
}
