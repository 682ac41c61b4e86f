import type { Knex } from 'knex';
import type { MinuteTally } from './minute-tally.ts';
import type { PendingAmounts } from './pending-amounts.ts';
import { dayOf } from './usage-report.ts';

/** Tokens and money. */
export interface Amounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
}

/** How much a consumer has used; values that need an unreachable database are `undefined`. */
export interface Standing {
  readonly requests: { readonly lastMinute: number; readonly lastHour: number };
  readonly today: Amounts | undefined;
  readonly month: Amounts | undefined;
}

/** The service name under which the gateway's own endpoints are counted. */
export const OWN_SERVICE = 'gateway';
/** Refusals by a limit are not requests that a caller has had. */
export const TOO_MANY_REQUESTS = 429;

const MINUTE_SECONDS = 60;
const HOUR_MINUTES = 60;

/**
 * Requests a consumer has had, over all processes: of the last 60 seconds, and of this minute with the 59 before it.
 * This process counts by the second, what others had is known by the minute and counted whole.
 */
export async function readRequests(
  reader: Knex,
  own: { readonly instance: string; readonly tally: MinuteTally },
  consumer: string,
  now: number,
): Promise<{ lastMinute: number; lastHour: number }> {
  const second = Math.floor(now / 1000);
  const firstSecond = second - MINUTE_SECONDS + 1;
  const firstMinute = Math.floor(second / MINUTE_SECONDS) - HOUR_MINUTES + 1;
  const { instance, tally } = own;
  const oldest = Math.min(tally.oldest, Number.MAX_SAFE_INTEGER);
  const rows: { minute: number; requests: number | string }[] = await reader('usage_minutes')
    .where({ consumer })
    .where('minute', '>=', firstMinute)
    .where('status', '<>', TOO_MANY_REQUESTS)
    .where('service', '<>', OWN_SERVICE)
    .where((either) => {
      void either.where('instance', '<>', instance).orWhere('minute', '<', oldest);
    })
    .groupBy('minute')
    .select('minute')
    .sum({ requests: 'requests' });
  let lastMinute = tally.countSince(consumer, firstSecond);
  let lastHour = tally.countSince(consumer, firstMinute * MINUTE_SECONDS);
  for (const { minute, requests } of rows) {
    lastHour += Number(requests);
    if (minute >= Math.floor(firstSecond / MINUTE_SECONDS)) lastMinute += Number(requests);
  }
  return { lastMinute, lastHour };
}

/** Rows may move to the database while it is being read; after so many tries a number may be off by a second's worth. */
const MOST_TRIES = 3;

/** What a consumer has used today and this month (UTC), as recorded by all processes up to about a second ago. */
export async function readAmounts(
  reader: Knex,
  pending: PendingAmounts,
  consumer: string,
  now: number,
): Promise<{ today: Amounts; month: Amounts }> {
  const today = dayOf(now);
  const first = dayOf(Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth(), 1));
  for (let tries = 1; ; tries++) {
    const before = pending.version;
    const rows: Record<string, number | string>[] = await reader('usage_days')
      .where({ consumer })
      .where('day', '>=', first)
      .groupBy('day')
      .select('day')
      .sum({ inputTokens: 'input_tokens', outputTokens: 'output_tokens', costNanoUsd: 'cost_nano_usd' });
    // Amounts that moved meanwhile would count twice, or not at all.
    if ((pending.isMoving || pending.version !== before) && tries < MOST_TRIES) continue;
    const waiting = pending.of(consumer);
    const all = [...rows.map(toDayAmounts), ...waiting];
    return { today: sum(all.filter(({ day }) => day === today)), month: sum(all.filter(({ day }) => day >= first)) };
  }
}

function toDayAmounts(row: Record<string, number | string>): Amounts & { day: number } {
  const { day, inputTokens, outputTokens, costNanoUsd } = row;
  return {
    day: Number(day),
    inputTokens: Number(inputTokens),
    outputTokens: Number(outputTokens),
    costNanoUsd: Number(costNanoUsd),
  };
}

function sum(amounts: readonly Amounts[]): Amounts {
  const total = { inputTokens: 0, outputTokens: 0, costNanoUsd: 0 };
  for (const { inputTokens, outputTokens, costNanoUsd } of amounts) {
    total.inputTokens += inputTokens;
    total.outputTokens += outputTokens;
    total.costNanoUsd += costNanoUsd;
  }
  return total;
}
