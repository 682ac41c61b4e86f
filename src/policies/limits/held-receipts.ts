import { Roster } from '../../lib/roster.ts';
import { SLOT_US } from '../../counters/rules/calendar-window.ts';
import type { Receipt } from './receipt.ts';

const RENEW_MS = SLOT_US / 1000;

/** The receipts of running requests that have something reserved, which is renewed until they end. */
export class HeldReceipts {
  private readonly open = new Roster<Receipt>();
  private renewing: NodeJS.Timeout | undefined;

  add(receipt: Receipt): void {
    this.open.add(receipt);
    this.renewing ??= setInterval(() => this.renew(), RENEW_MS).unref();
  }

  remove(receipt: Receipt): void {
    this.open.remove(receipt);
    if (this.open.size > 0) return;
    clearInterval(this.renewing);
    this.renewing = undefined;
  }

  private renew(): void {
    this.open.forEach((receipt) => receipt.renew(SLOT_US));
  }
}
