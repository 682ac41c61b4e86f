import type { Exchange } from '../../exchange/exchange.ts';
import type { Model } from '../../exchange/model-call.ts';
import type { Principal } from '../../exchange/principal.ts';
import { ipGroup } from '../../lib/ip-group.ts';
import type { Charge } from './counter-store.ts';
import { compileLevel, escapeKey, type Level, type Line, type LinePlace, lowerByClaim } from './line.ts';

type Caller = Pick<Exchange, 'principal' | 'clientIp'> & Partial<Pick<Exchange, 'model'>>;

interface CompiledLevel {
  /** `undefined`: applies to every caller. */
  readonly tier: string | undefined;
  readonly lines: readonly Line[];
}

/** The lines that apply on one route: its own, those of the caller's tier, and those written on consumer and key. */
export class RouteLimits {
  private readonly levels: readonly CompiledLevel[];
  private readonly linesOfAll: readonly Line[];
  private readonly linesOfTiers: ReadonlyMap<string, readonly Line[]>;
  private readonly isLowerable: boolean;
  private readonly place: LinePlace;
  private readonly onUnknownTier: (tier: string) => void;
  private readonly ofPrincipals = new WeakMap<Principal, readonly Line[]>();

  /** `onUnknownTier` hears of a caller's tier that is none of the levels, at each request. */
  constructor(levels: readonly Level[], place: LinePlace, onUnknownTier: (tier: string) => void = () => undefined) {
    this.place = place;
    this.onUnknownTier = onUnknownTier;
    this.levels = levels.map((level) => ({
      tier: level.level === 'tier' ? level.id : undefined,
      lines: compileLevel(level, place),
    }));
    this.linesOfAll = this.gather(undefined);
    const tiers = this.levels.map(({ tier }) => tier).filter((tier) => tier !== undefined);
    this.linesOfTiers = new Map(tiers.map((tier) => [tier, this.gather(tier)]));
    this.isLowerable = this.levels.some(({ lines }) => lines.some(({ lowerable }) => lowerable !== undefined));
  }

  /** What this request takes, one charge per line, in the order of the levels. */
  chargesFor(caller: Caller): Charge[] {
    return this.charge(caller, false);
  }

  /** The same before the body is read: without the lines for which it matters what is asked for. */
  earlyChargesFor(caller: Caller): Charge[] {
    return this.charge(caller, true);
  }

  private charge(caller: Caller, isEarly: boolean): Charge[] {
    const lines = this.linesFor(caller.principal);
    const charges: Charge[] = [];
    if (lines.length === 0) return charges;
    const keys = new CallerKeys(caller);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as Line;
      if (isEarly ? line.byModel || line.model !== undefined : isOfOther(line, caller)) continue;
      charges.push({ line, key: line.key + keys.of(line), cost: 1 });
    }
    return charges;
  }

  private linesFor(principal: Principal | undefined): readonly Line[] {
    if (principal === undefined) return this.linesOfAll;
    const shared = this.linesOfTier(principal.consumer.tier);
    if (principal.limits.length === 0 && !this.isLowerable) return shared;
    let lines = this.ofPrincipals.get(principal);
    if (lines === undefined) {
      // The identity layer has validated them against this policy's schema and hands them through as they are.
      const levels = principal.limits as unknown as readonly Level[];
      const own = levels.flatMap((level) => compileLevel(level, this.place));
      lines = [...shared, ...own].map((line) => lowerByClaim(line, principal.claims));
      this.ofPrincipals.set(principal, lines);
    }
    return lines;
  }

  /** Without any tier to be on, the tier of a caller is only a label. */
  private linesOfTier(tier: string | undefined): readonly Line[] {
    if (tier === undefined || this.linesOfTiers.size === 0) return this.linesOfAll;
    const lines = this.linesOfTiers.get(tier);
    if (lines === undefined) this.onUnknownTier(tier);
    return lines ?? this.linesOfAll;
  }

  private gather(tier: string | undefined): readonly Line[] {
    return this.levels.flatMap((level) => (level.tier === undefined || level.tier === tier ? level.lines : []));
  }
}

/** The line counts requests to one model, and this is none. */
function isOfOther(line: Line, caller: Caller): boolean {
  return line.model !== undefined && line.model !== requestedModel(caller)?.name;
}

/** What counts is what was asked for, whoever answers in the end. */
function requestedModel({ model: call }: Caller): Model | undefined {
  return call?.candidates[0];
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
    let key = consumer;
    if (line.byCaller === 'credential' && principal) key += `k=${escapeKey(principal.credential.id)}`;
    if (line.byAddress) key += `a=${this.findAddress()}`;
    if (line.byTier) key += `t=${escapeKey(principal?.consumer.tier ?? '')}`;
    if (line.byLob) key += `l=${escapeKey(principal?.lob ?? '')}`;
    if (line.byModel) key += `m=${escapeKey(this.findModel())}`;
    return key;
  }

  /** Where nobody was authenticated, the address stands in; its letter keeps a consumer from being named like one. */
  private findConsumer(): string {
    const { principal } = this.caller;
    return (this.consumer ??= principal ? `{c=${escapeKey(principal.consumer.id)}}` : `{a=${this.findAddress()}}`);
  }

  /** Clients can make up any number of names, so those outside a catalogue share a count. */
  private findModel(): string {
    const model = requestedModel(this.caller);
    return model?.isListed ? model.name : '';
  }

  private findAddress(): string {
    return (this.address ??= escapeKey(ipGroup(this.caller.clientIp)));
  }
}
