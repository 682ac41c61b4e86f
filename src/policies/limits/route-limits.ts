import type { Exchange } from '../../exchange/exchange.ts';
import type { Principal } from '../../exchange/principal.ts';
import { ipGroup } from '../../lib/ip-group.ts';
import type { Charge } from './counter-store.ts';
import { compileLevel, escapeKey, type Level, type Line, type LinePlace } from './line.ts';

type Caller = Pick<Exchange, 'principal' | 'clientIp'>;

/** The lines that apply on one route: its own, and those written on the consumer and the key of a request. */
export class RouteLimits {
  private readonly lines: readonly Line[];
  private readonly place: LinePlace;
  private readonly ofPrincipals = new WeakMap<Principal, readonly Line[]>();

  constructor(levels: readonly Level[], place: LinePlace) {
    this.place = place;
    this.lines = levels.flatMap((level) => compileLevel(level, place));
  }

  /** What this request takes, one charge per line, in the order of the levels. */
  chargesFor(caller: Caller): Charge[] {
    const lines = this.linesFor(caller.principal);
    const charges: Charge[] = [];
    if (lines.length === 0) return charges;
    const keys = new CallerKeys(caller);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as Line;
      charges.push({ line, key: line.key + keys.of(line), cost: 1 });
    }
    return charges;
  }

  private linesFor(principal: Principal | undefined): readonly Line[] {
    if (principal === undefined || principal.limits.length === 0) return this.lines;
    let lines = this.ofPrincipals.get(principal);
    if (lines === undefined) {
      // The identity layer has validated them against this policy's schema and hands them through as they are.
      const levels = principal.limits as unknown as readonly Level[];
      lines = [...this.lines, ...levels.flatMap((level) => compileLevel(level, this.place))];
      this.ofPrincipals.set(principal, lines);
    }
    return lines;
  }
}

/** The part of the keys that names the caller. What belongs to one consumer shares a hash tag, and so a cluster slot. */
class CallerKeys {
  private readonly caller: Caller;
  private consumer: string | undefined;
  private address: string | undefined;

  constructor(caller: Caller) {
    this.caller = caller;
  }

  of(line: Line): string {
    const consumer = line.byCaller === undefined ? '' : this.findConsumer();
    const { principal } = this.caller;
    const credential = line.byCaller === 'credential' && principal ? `k=${escapeKey(principal.credential.id)}` : '';
    return line.byAddress ? `${consumer}${credential}a=${this.findAddress()}` : consumer + credential;
  }

  /** Where nobody was authenticated, the address stands in; its letter keeps a consumer from being named like one. */
  private findConsumer(): string {
    const { principal } = this.caller;
    return (this.consumer ??= principal ? `{c=${escapeKey(principal.consumer.id)}}` : `{a=${this.findAddress()}}`);
  }

  private findAddress(): string {
    return (this.address ??= escapeKey(ipGroup(this.caller.clientIp)));
  }
}
