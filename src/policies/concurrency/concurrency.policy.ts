import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { ipGroup } from '../../lib/ip-group.ts';
import { type AccessStep, defineAccessPolicy, type Verdict } from '../policy.ts';
import { type ConcurrencyLine, ConcurrencySchema } from './schema.ts';
import { Kind } from '../../lib/shelf.ts';
import { Slots } from './slots.ts';

const SLOTS = new Kind<Slots>('concurrency slots');

/**
 * Bounds how many requests run at the same time, per process. A place is held until the response has closed, streams
 * included. Past a caller's own bound the answer is 429; past a bound shared by all callers it is 503.
 */
export const concurrencyPolicy = defineAccessPolicy({
  name: 'concurrency',
  phase: 'access',
  schema: ConcurrencySchema,
  errors: ['CONCURRENCY_EXCEEDED', 'OVERLOADED'],
  create: (lines: readonly ConcurrencyLine[], deps) =>
    lines.flatMap((line) =>
      stepsFor(
        line,
        deps.shelf.keep(SLOTS, keyOfLine(line), () => openSlots(line)),
      ),
    ),
});

/** State is shared by every route the line covers and survives a reload that leaves the line as it is. */
function keyOfLine(line: ConcurrencyLine): string {
  return `${line.level} ${line.id} ${line.per} ${line.limit} ${line.queue?.max ?? 0} ${line.queue?.wait ?? 0}`;
}

function openSlots(line: ConcurrencyLine): Slots {
  return new Slots(line.limit, line.queue && { max: line.queue.max, waitMs: line.queue.wait });
}

/** A caller takes its own place before its large body is read; places that all share are not held by slow bodies. */
function stepsFor(line: ConcurrencyLine, slots: Slots): readonly AccessStep[] {
  const placed = new WeakSet<Exchange>();
  const enter = (exchange: Exchange): Verdict | Promise<Verdict> => {
    const key = keyOf(line, exchange);
    const entry = slots.enter(key);
    if (entry === 'full') return refusal(line);
    if (entry === 'entered') return hold(exchange, slots, key);
    // A client that leaves settles the exchange, and its place is free at once.
    exchange.onSettled(() => entry.leave());
    return entry.entered.then((entered) => (entered ? undefined : refusal(line)));
  };
  const late: AccessStep = {
    name: 'concurrency',
    decide: (exchange) => (placed.has(exchange) ? undefined : enter(exchange)),
  };
  if (line.per !== 'consumer' && line.per !== 'ip') return [late];
  const early: AccessStep = {
    name: 'concurrency.early',
    decide: (exchange) => {
      if (!exchange.body.isReadLong) return undefined;
      placed.add(exchange);
      return enter(exchange);
    },
  };
  return [early, late];
}

function keyOf(line: ConcurrencyLine, exchange: Exchange): string {
  if (line.per === 'consumer') return exchange.payer;
  return line.per === 'ip' ? ipGroup(exchange.clientIp) : line.per;
}

function hold(exchange: Exchange, slots: Slots, key: string): undefined {
  exchange.onSettled(() => slots.leave(key));
}

function refusal(line: ConcurrencyLine): Rejection {
  const headers = { 'Retry-After': '1' };
  const facts = { limit: line.limit, currentCount: line.limit, retryAfterSeconds: 1 };
  if (line.per === 'consumer' || line.per === 'ip') {
    const detail = `At most ${line.limit} requests may run at the same time. Retry when one has ended.`;
    return new Rejection('CONCURRENCY_EXCEEDED', detail, { headers, facts });
  }
  const detail = `The ${line.per} runs as many requests at the same time as it may (${line.limit}). Retry shortly.`;
  return new Rejection('OVERLOADED', detail, { headers, facts });
}
