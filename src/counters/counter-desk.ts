import type { CounterAnswer, CounterCall } from './counter-calls.ts';
import type { Charge, Correction, LeaseAsk } from './counter-store.ts';
import { MemoryCounters } from './memory-counters.ts';

/** Counts for the other processes of a gateway, in the memory of this one. */
export class CounterDesk {
  private readonly counters: MemoryCounters;
  private readonly nowUs: () => number;

  constructor(nowUs: () => number) {
    this.counters = new MemoryCounters({ nowUs });
    this.nowUs = nowUs;
  }

  /** One answer per call, in their order. */
  answer(calls: readonly CounterCall[]): CounterAnswer[] {
    return calls.map((call) => this.answerOne(call));
  }

  /** Of a line the counters read no more than what is sent. */
  private answerOne(call: CounterCall): CounterAnswer {
    if (call.kind === 'decide') return this.counters.decide(call.charges as readonly Charge[]);
    if (call.kind === 'lease') {
      const askedAt = this.nowUs();
      const { expiresAt, ...grant } = this.counters.lease(call.ask as LeaseAsk);
      return { ...grant, lifeUs: expiresAt - askedAt };
    }
    this.counters.adjust(call.corrections as readonly Correction[]);
    return undefined;
  }
}
