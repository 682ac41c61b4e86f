import type { ChargeReceipt } from '../../exchange/receipts.ts';
import type { Listed } from '../../lib/roster.ts';
import type { Charge, Correction, CounterStore, Decision } from '../../counters/counter-store.ts';

/** What was taken at one moment. */
interface Part {
  readonly charges: readonly Charge[];
  readonly decision: Decision;
  /** When its reservations count as made, by the store's clock and by this process's: renewals move both. */
  storeAt: number | undefined;
  heldAt: number;
}

interface ReceiptOptions {
  readonly counters: Pick<CounterStore, 'adjust'>;
  /** This process's steady microseconds. */
  readonly nowUs: () => number;
  readonly onClosed: (receipt: Receipt) => void;
}

/** What a request took of its lines, until it is known what it used. */
export class Receipt implements ChargeReceipt, Listed {
  rosterIndex = -1;
  private readonly options: ReceiptOptions;
  private readonly parts: Part[] = [];
  /** The part that what was used is set against. */
  private main: Part | undefined;
  private isOpen = true;

  constructor(charges: readonly Charge[], decision: Decision, options: ReceiptOptions) {
    this.options = options;
    this.add(charges, decision);
    this.main = this.parts[0];
  }

  /** What could be taken only once it was known what is asked for. */
  addMain(charges: readonly Charge[], decision: Decision): void {
    this.add(charges, decision);
    this.main = this.parts.at(-1);
  }

  /** More was taken of some of the lines, by the time it is known maybe for nothing. */
  add(charges: readonly Charge[], decision: Decision): void {
    this.parts.push({ charges, decision, storeAt: decision.storeAt, heldAt: this.options.nowUs() });
    if (!this.isOpen) this.options.counters.adjust(this.parts.slice(-1).flatMap(undo));
  }

  settle({ tokens, costNanoUsd }: { readonly tokens: number; readonly costNanoUsd: number }): void {
    const used = { requests: 0, tokens, cost_usd: costNanoUsd };
    this.close((part, isMain) =>
      part.charges.flatMap((charge, i) => {
        const { unit } = charge.line;
        return unit === 'requests' ? [] : correct(part, i, isMain ? used[unit] : 0);
      }),
    );
  }

  refund(what: 'usage' | 'all'): void {
    if (what === 'usage') return this.settle({ tokens: 0, costNanoUsd: 0 });
    this.close(undo);
  }

  /** Nobody was called: budgets of requests get theirs back as well. A limit of requests has done its work. */
  cancel(): void {
    this.close((part) =>
      part.charges.flatMap(({ line }, i) =>
        line.unit === 'requests' && line.every === undefined ? [] : correct(part, i, 0),
      ),
    );
  }

  /** Keeps what is reserved from becoming free while the request still runs. */
  renew(olderThanUs: number): void {
    const now = this.options.nowUs();
    const corrections: Correction[] = [];
    for (const part of this.parts) {
      const elapsed = now - part.heldAt;
      if (part.storeAt === undefined || elapsed < olderThanUs) continue;
      const renewedAt = part.storeAt + elapsed;
      for (const [i, { line, key, cost }] of part.charges.entries())
        if (isHeld(part, i))
          corrections.push({ line, key, units: 0, at: part.storeAt, change: { released: cost, renewedAt } });
      part.storeAt = renewedAt;
      part.heldAt = now;
    }
    if (corrections.length > 0) this.options.counters.adjust(corrections);
  }

  private close(correctionsOf: (part: Part, isMain: boolean) => readonly Correction[]): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const corrections = this.parts.flatMap((part) => correctionsOf(part, part === this.main));
    this.options.onClosed(this);
    if (corrections.length > 0) this.options.counters.adjust(corrections);
  }
}

function undo(part: Part): readonly Correction[] {
  return part.charges.flatMap((_, i) => correct(part, i, 0));
}

/** What was taken is replaced by what was used. */
function correct(part: Part, i: number, used: number): readonly Correction[] {
  const { charges, decision, storeAt } = part;
  const { line, key, cost } = charges[i] as Charge;
  const verdict = decision.verdicts[i];
  // What a dry run would have refused was not charged either.
  if (verdict?.admitted === false) return [];
  if (isHeld(part, i)) return [{ line, key, units: used, at: storeAt, change: { released: cost } }];
  // What was decided without the store was not taken there.
  const taken = decision.at === undefined ? 0 : cost;
  return used === taken ? [] : [{ line, key, units: used - taken, at: decision.at }];
}

/** Set aside for a while, rather than taken. */
function isHeld({ charges, decision, storeAt }: Part, i: number): boolean {
  const isReserved = charges[i]?.isReserved === true && decision.verdicts[i]?.admitted === true;
  return isReserved && storeAt !== undefined && decision.advanced?.[i] === undefined;
}
