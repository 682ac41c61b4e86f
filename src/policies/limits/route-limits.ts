import type { Exchange } from '../../exchange/exchange.ts';
import { type Model, type ModelCall, usesTokens } from '../../exchange/model-call.ts';
import type { Principal } from '../../exchange/principal.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { ipGroup } from '../../lib/ip-group.ts';
import type { Charge } from '../../counters/counter-store.ts';
import {
  type Cap,
  compileCaps,
  compileLevel,
  escapeKey,
  type Level,
  type Line,
  lineAt,
  type LinePlace,
  lowerByClaim,
} from '../../counters/line.ts';
import { reservedUnits, type Unit } from '../../counters/units.ts';

type Caller = Pick<Exchange, 'principal' | 'clientIp'> & Partial<Pick<Exchange, 'model'>>;

interface CompiledLevel {
  /** `undefined`: applies to every caller. */
  readonly tier: string | undefined;
  readonly set: LineSet;
}

/** What applies to a caller. */
export interface LineSet {
  readonly lines: readonly Line[];
  readonly caps: readonly Cap[];
  /** Something of it is a budget, or counts tokens or money: what is taken is corrected later. */
  readonly isSettled: boolean;
  /** Something of it limits tokens or money, and not in a dry run. */
  readonly limitsUse: boolean;
  /** Something of it counts money, and not in a dry run. */
  readonly countsMoney: boolean;
}

/** The lines that apply on one route: its own, those of the caller's tier, and those written on consumer and key. */
export class RouteLimits {
  private readonly levels: readonly CompiledLevel[];
  private readonly ofAll: LineSet;
  private readonly ofTiers: ReadonlyMap<string, LineSet>;
  private readonly isLowerable: boolean;
  private readonly place: LinePlace;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly onUnknownTier: (tier: string) => void;
  private readonly ofPrincipals = new WeakMap<Principal, LineSet>();
  /** Budgets as they stand this day or month. */
  private readonly current = new WeakMap<Line, Line>();

  /** `onUnknownTier` hears of a caller's tier that is none of the levels, at each request. */
  constructor(
    levels: readonly Level[],
    place: LinePlace,
    onUnknownTier: (tier: string) => void = () => undefined,
    clock: Pick<Clock, 'now'> = systemClock,
  ) {
    this.place = place;
    this.clock = clock;
    this.onUnknownTier = onUnknownTier;
    this.levels = levels.map((level) => ({
      tier: level.level === 'tier' ? level.id : undefined,
      set: makeSet(compileLevel(level, place), compileCaps(level)),
    }));
    this.ofAll = this.gather(undefined);
    const tiers = this.levels.map(({ tier }) => tier).filter((tier) => tier !== undefined);
    this.ofTiers = new Map(tiers.map((tier) => [tier, this.gather(tier)]));
    this.isLowerable = this.levels.some(({ set }) => set.lines.some(({ lowerable }) => lowerable !== undefined));
  }

  /** What applies to a caller, whatever it asks for. */
  setFor(principal: Principal | undefined): LineSet {
    if (principal === undefined) return this.ofAll;
    const shared = this.setOfTier(principal.consumer.tier);
    if (principal.limits.length === 0 && !this.isLowerable) return shared;
    let set = this.ofPrincipals.get(principal);
    if (set === undefined) this.ofPrincipals.set(principal, (set = this.compileOwn(principal, shared)));
    return set;
  }

  /** What this request takes, one charge per line, in the order of the levels. */
  chargesFor(caller: Caller): Charge[] {
    const { lines } = this.setFor(caller.principal);
    const charges: Charge[] = [];
    if (lines.length === 0) return charges;
    const keys = new CallerKeys(caller);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as Line;
      if (isOfOther(line, caller)) continue;
      if (line.unit !== 'requests') {
        if (caller.model && usesTokens(caller.model.operation))
          charges.push(reserve(this.at(line), keys, caller.model, line.unit));
      } else {
        const current = this.at(line);
        charges.push({ line: current, key: current.key + keys.of(line), cost: 1 });
      }
    }
    return charges;
  }

  /** The same before the body is read: without the lines for which it matters what is asked for. */
  earlyChargesFor(caller: Caller): Charge[] {
    const { lines } = this.setFor(caller.principal);
    const keys = new CallerKeys(caller);
    return lines.filter(isEarly).map((line) => {
      const current = this.at(line);
      return { line: current, key: current.key + keys.of(line), cost: 1 };
    });
  }

  /** The counts of the caller's own budgets, whatever they ask for: what all use together is not theirs to know. */
  budgetsOf(caller: Caller): { line: Line; key: string }[] {
    const keys = new CallerKeys(caller);
    return this.setFor(caller.principal)
      .lines.filter(
        ({ every, isDryRun, isShared, byModel }) => every !== undefined && !isDryRun && !isShared && !byModel,
      )
      .map((line) => {
        const current = this.at(line);
        return { line: current, key: current.key + keys.of(line) };
      });
  }

  /** A budget as it stands this day or month; all else as it is. */
  private at(line: Line): Line {
    if (line.every === undefined) return line;
    const now = this.clock.now();
    const known = this.current.get(line);
    if (known !== undefined && isWithin(known, now)) return known;
    const current = lineAt(line, now);
    this.current.set(line, current);
    return current;
  }

  private compileOwn(principal: Principal, shared: LineSet): LineSet {
    // The identity layer has validated them against this policy's schema and hands them through as they are.
    const levels = principal.limits as unknown as readonly Level[];
    const own = levels.flatMap((level) => compileLevel(level, this.place));
    const lines = [...shared.lines, ...own].map((line) => lowerByClaim(line, principal.claims));
    return makeSet(lines, [...shared.caps, ...levels.flatMap(compileCaps)]);
  }

  /** Without any tier to be on, the tier of a caller is only a label. */
  private setOfTier(tier: string | undefined): LineSet {
    if (tier === undefined || this.ofTiers.size === 0) return this.ofAll;
    const set = this.ofTiers.get(tier);
    if (set === undefined) this.onUnknownTier(tier);
    return set ?? this.ofAll;
  }

  private gather(tier: string | undefined): LineSet {
    const sets = this.levels.flatMap((level) => (level.tier === undefined || level.tier === tier ? [level.set] : []));
    return makeSet(
      sets.flatMap(({ lines }) => lines),
      sets.flatMap(({ caps }) => caps),
    );
  }
}

function makeSet(lines: readonly Line[], caps: readonly Cap[]): LineSet {
  const isMoney = ({ unit, isDryRun }: Pick<Line, 'unit' | 'isDryRun'>): boolean => unit === 'cost_usd' && !isDryRun;
  return {
    lines,
    caps,
    isSettled: lines.some(({ unit, every }) => unit !== 'requests' || every !== undefined),
    limitsUse: [...lines, ...caps].some(({ unit, isDryRun }) => unit !== 'requests' && !isDryRun),
    countsMoney: lines.some((line) => line.model === undefined && isMoney(line)) || caps.some(isMoney),
  };
}

/** More than there ever is, is as much as one more than that: all sums stay exact. */
function reserve(line: Line, keys: CallerKeys, call: ModelCall, unit: Exclude<Unit, 'requests'>): Charge {
  const cost = Math.min(reservedUnits(call, unit), line.rule.capacity + 1);
  return { line, key: line.key + keys.of(line), cost, isReserved: line.every !== undefined };
}

function isWithin({ rule: { endUs, windowUs } }: Line, now: number): boolean {
  const us = now * 1000;
  return us < endUs && us >= endUs - windowUs;
}

/** A line of requests for which it does not matter what the body says. */
export function isEarly(line: Line): boolean {
  return line.unit === 'requests' && !line.byModel && line.model === undefined;
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
