import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Charge, Correction, Counted, CounterStore, Decision, LeaseGrant, LendingStore } from './counter-store.ts';
import { findForcedTerms } from './lease-terms.ts';
import type { FleetPlace } from './local-share.ts';
import type { Lot, Purse } from './purse.ts';
import { Purses } from './purses.ts';
import type { Verdict } from './rules/rule.ts';

interface LeasedCountersOptions {
  readonly store: LendingStore;
  readonly fleet: Pick<FleetPlace, 'size'>;
  /** This process's own time in microseconds, never going back. */
  readonly nowUs: () => number;
  /** Counts that cannot join the others of a request in the store: they are always taken in advance. */
  readonly groups?: SplitGroups | undefined;
}

export interface SplitGroups {
  readonly isApart: (key: string) => boolean;
  /** Decides without the store, which did not answer in the middle of a request. */
  readonly decideAlone: (charges: readonly Charge[]) => Decision;
}

const SWEEP_MS = 100;
/** A unit that others snatch away again and again is not to be had. */
const MOST_TRIES = 5;

/**
 * Counts taken from a store in advance and spent here, without asking. The store has counted a unit before it is spent, as
 * of the latest moment at which it may be, so never more is admitted than the store would admit. A request whose lines are
 * all held here is decided at once; the others of its lines are decided in the store, all or none.
 */
export class LeasedCounters implements CounterStore {
  private readonly options: LeasedCountersOptions;
  private readonly store: LendingStore;
  private readonly purses = new Purses();
  /** Of the lines of the request being decided; reused, since this does not interleave. */
  private readonly touched: Purse[] = [];
  private hasTouched = false;
  private sweeping: NodeJS.Timeout | undefined;
  /** Leases asked for before this are void. */
  private epoch = 0;

  constructor(options: LeasedCountersOptions) {
    this.options = options;
    this.store = options.store;
  }

  get hasDenials(): boolean {
    return this.store.hasDenials;
  }

  get degraded(): string | undefined {
    return this.store.degraded;
  }

  peek(charges: readonly Charge[]): Decision | undefined {
    const denied = this.store.peek(charges);
    if (denied === undefined) return undefined;
    const now = this.options.nowUs();
    const isHeld = ({ key, cost }: Charge): boolean => this.purses.find(key)?.holds(cost, now) === true;
    return denied.verdicts.some((verdict, i) => verdict && !isHeld(charges[i] as Charge)) ? denied : undefined;
  }

  decide(charges: readonly Charge[]): Decision | Promise<Decision> {
    const now = this.options.nowUs();
    const lots: (Lot | undefined)[] = [];
    let held = 0;
    this.hasTouched = false;
    for (let i = 0; i < charges.length; i++) {
      const lot = this.take(charges[i] as Charge, i, now);
      lots.push(lot);
      if (lot !== undefined) held += 1;
    }
    if (held === charges.length) return this.admit(lots, now);
    const { groups } = this.options;
    if (groups && this.store.degraded === undefined) {
      const isApart = charges.some(({ key }, i) => lots[i] === undefined && groups.isApart(key));
      if (isApart) return this.decideApart(charges, lots, groups);
    }
    return this.hasTouched ? this.decideRest(charges, lots) : this.store.decide(charges);
  }

  /** What this process holds and has not used is left too. */
  async read(counts: readonly Counted[]): Promise<(number | undefined)[]> {
    const left = await this.store.read(counts);
    return counts.map(({ key }, i) => {
      const remaining = left[i];
      return remaining === undefined ? undefined : remaining + (this.purses.find(key)?.held ?? 0);
    });
  }

  adjust(corrections: readonly Correction[]): void {
    this.store.adjust(corrections);
  }

  /** Drops all held units: the store has lost its counts. */
  forget(): void {
    this.epoch += 1;
    this.purses.empty();
  }

  /** Returns unused units. Runs every 100 ms while units are held. */
  sweep(): void {
    this.giveBack(this.purses.collect(this.options.nowUs()));
    if (this.purses.areEmpty) this.stopSweeping();
  }

  async close(): Promise<void> {
    this.stopSweeping();
    this.epoch += 1;
    this.giveBack(this.purses.empty());
    await this.store.close();
  }

  private stopSweeping(): void {
    clearInterval(this.sweeping);
    this.sweeping = undefined;
  }

  /** Takes a charge from the held units, and fetches more before they run out. */
  private take(charge: Charge, i: number, now: number): Lot | undefined {
    const { line, key, cost } = charge;
    if (line.lease.from === Number.POSITIVE_INFINITY && this.options.groups?.isApart(key) !== true) return undefined;
    let purse = this.purses.find(key) ?? this.open(charge);
    // The limit was edited, or a token lowers it. What was counted by other numbers must not be spent by these.
    if (!purse.isFor(line)) {
      if (!purse.isEmpty || purse.isAsking) return undefined;
      purse = this.open(charge);
    }
    this.touched[i] = purse;
    this.hasTouched = true;
    purse.count(cost, now);
    const lot = purse.take(cost, now);
    const want = purse.findWanted(now);
    if (want > 0 && this.store.degraded === undefined) void this.fetch(purse, 0, want);
    return lot;
  }

  private open(charge: Charge): Purse {
    const { line, key } = charge;
    const isApart = this.options.groups?.isApart(key) === true;
    return this.purses.open({ line, key }, isApart ? findForcedTerms(line.rule, line.lease) : line.lease);
  }

  private giveBack(returned: readonly Correction[]): void {
    if (returned.length > 0) this.store.adjust(returned);
  }

  private admit(lots: Lots, now: number): Decision {
    const verdicts: Verdict[] = [];
    for (let i = 0; i < lots.length; i++) verdicts.push((this.touched[i] as Purse).describe(now));
    return { outcome: 'admitted', verdicts, at: findEarliest(lots), advanced: lots };
  }

  /** Those of the lines that are neither held here nor `known` are decided in the store. */
  private decideRest(charges: readonly Charge[], lots: Lots, known: Verdicts = []): Decision | Promise<Decision> {
    const rest = charges.filter((_, i) => lots[i] === undefined && known[i] === undefined);
    const decision = rest.length > 0 ? this.store.decide(rest) : EMPTY;
    if (!(decision instanceof Promise)) return this.merge(charges, lots, known, decision);
    return decision.then((decided) => this.merge(charges, lots, known, decided));
  }

  private merge(charges: readonly Charge[], lots: Lots, known: Verdicts, decided: Decision): Decision {
    if (decided.outcome !== 'admitted') this.putBack(charges, lots);
    const now = this.options.nowUs();
    let asked = 0;
    const verdicts = charges.map(({ key }, i) => {
      const purse = this.purses.find(key);
      if (lots[i] !== undefined) return purse?.describe(now);
      const verdict = known[i] ?? decided.verdicts[asked++];
      if (verdict) purse?.hear(verdict, now);
      return verdict;
    });
    const at = findEarliest(lots, decided.at);
    return { outcome: decided.outcome, verdicts, at, storeAt: decided.at, advanced: lots };
  }

  private putBack(charges: readonly Charge[], lots: Lots): void {
    const returned: Correction[] = [];
    for (let i = 0; i < charges.length; i++) {
      const lot = lots[i];
      const { line, key, cost } = charges[i] as Charge;
      if (lot?.isGone) returned.push({ line, key, units: -cost, at: lot.at });
      else if (lot) lot.units += cost;
    }
    this.giveBack(returned);
  }

  /** First what cannot join the others is taken in advance, then the others are asked for, and refuse all or nothing. */
  private async decideApart(
    charges: readonly Charge[],
    lots: (Lot | undefined)[],
    groups: SplitGroups,
  ): Promise<Decision> {
    const known: (Verdict | undefined)[] = [];
    let isUnanswered = false;
    const acquireOne = async (charge: Charge, i: number): Promise<void> => {
      const found = await this.acquire(charge);
      if (found === undefined) isUnanswered = true;
      else if ('units' in found) lots[i] = found;
      else known[i] = found;
    };
    const isWanted = ({ key }: Charge, i: number): boolean => lots[i] === undefined && groups.isApart(key);
    await Promise.all(charges.map(async (charge, i) => isWanted(charge, i) && acquireOne(charge, i)));
    if (isUnanswered) {
      this.putBack(charges, lots);
      return groups.decideAlone(charges);
    }
    const isRefused = known.some((verdict, i) => verdict !== undefined && !charges[i]?.line.isDryRun);
    if (!isRefused) return this.decideRest(charges, lots, known);
    return this.merge(charges, lots, known, { outcome: 'refused', verdicts: [] });
  }

  /** Waits for units: a lot they were taken from, or the refusal, or nothing when the store does not answer. */
  private async acquire(charge: Charge): Promise<Lot | Verdict | undefined> {
    const { key, cost } = charge;
    let verdict: Verdict | undefined;
    for (let i = 0; i < MOST_TRIES && verdict?.admitted !== false; i++) {
      const purse = this.purses.find(key) ?? this.open(charge);
      const grant = await this.fetchNeeded(purse, cost);
      if (grant === undefined) return undefined;
      const lot = purse.take(cost, this.options.nowUs());
      if (lot !== undefined) return lot;
      verdict = grant.verdict;
    }
    return { admitted: false, remaining: 0, resetUs: verdict?.resetUs ?? 0, retryUs: verdict?.retryUs || 1000 };
  }

  /** Requests that need units in the same turn of the event loop share one call. */
  private fetchNeeded(purse: Purse, cost: number): Promise<LeaseGrant | undefined> {
    if (purse.asking) {
      purse.asking.need += cost;
      return purse.asking.answer;
    }
    const asking: NonNullable<Purse['asking']> = {
      need: cost,
      answer: nextTurn().then(() => {
        purse.asking = undefined;
        return this.fetch(purse, asking.need, purse.findWanted(this.options.nowUs()));
      }),
    };
    purse.asking = asking;
    return asking.answer;
  }

  private fetch(purse: Purse, need: number, want: number): LeaseGrant | undefined | Promise<LeaseGrant | undefined> {
    const { line, key, terms } = purse;
    const { size } = this.options.fleet;
    const { epoch } = this;
    purse.isAsking = true;
    // The last units are left to processes that ask for each request.
    const share = size > 1 ? 2 * size : 1;
    const grant = this.store.lease({ line, key, need, want, share, holdUs: terms.lifeUs });
    if (!(grant instanceof Promise)) return this.receive(purse, grant, epoch);
    return grant.then((answered) => this.receive(purse, answered, epoch));
  }

  private receive(purse: Purse, grant: LeaseGrant | undefined, epoch: number): LeaseGrant | undefined {
    purse.isAsking = false;
    if (grant === undefined || epoch !== this.epoch) return undefined;
    this.purses.fill(purse, grant, this.options.nowUs());
    if (grant.units === 0) return grant;
    this.store.forgetDenial(purse.key);
    this.sweeping ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
    return grant;
  }
}

type Lots = readonly (Lot | undefined)[];
type Verdicts = readonly (Verdict | undefined)[];

const EMPTY: Decision = { outcome: 'admitted', verdicts: [] };

function findEarliest(lots: Lots, at?: number): number | undefined {
  let earliest = at;
  for (const lot of lots) if (lot !== undefined && (earliest === undefined || lot.at < earliest)) earliest = lot.at;
  return earliest;
}
