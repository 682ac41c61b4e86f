import { type Static, Type } from '../lib/schema-builder.ts';
import type { Amounts, Standing } from '../usage/standing.ts';
import { BudgetsView, budgetsView } from './budget-view.ts';
import { callerOf } from './account/caller.ts';
import type { CallerStanding } from './context.ts';
import { defineEndpoint, InstantText, instantText } from './endpoint.ts';

function OrNull(type: 'integer' | 'number', description: string) {
  return Type.Unsafe<number | null>({ type: [type, 'null'], description });
}

const TokensView = Type.Object({ input: Type.Integer(), output: Type.Integer() });

const NO_DATABASE = 'Absent while the database does not answer.';

const UsageView = Type.Object({
  user_id: Type.String({ description: 'Id of the caller.' }),
  usage: Type.Object({
    requests_last_minute: Type.Integer(),
    requests_last_hour: Type.Integer(),
    timestamp: InstantText('When it was counted.'),
  }),
  limits: Type.Object({
    per_minute: OrNull('integer', 'Requests per minute; `null` where no limit spans a minute.'),
    per_hour: OrNull('integer', 'Requests per hour; `null` where no limit spans an hour.'),
  }),
  tokens: Type.Optional(
    Type.Object({ today: TokensView, month: TokensView }, { description: `By day and month of UTC. ${NO_DATABASE}` }),
  ),
  cost: Type.Optional(
    Type.Object({ today_usd: Type.Number(), month_usd: Type.Number() }, { description: NO_DATABASE }),
  ),
  budgets: BudgetsView,
});

export const usageEndpoint = defineEndpoint({
  method: 'GET',
  path: '/v1/usage',
  planes: ['public'],
  auth: 'token_or_key',
  summary: 'Shows what the caller has used, over all gateways, and how that compares with their limits.',
  response: UsageView,
  handle: async ({ context, exchange }) => {
    const { consumer } = callerOf(exchange);
    const [standing, limits] = await Promise.all([
      context.deps.usage.standingOf(consumer.id),
      context.gateway().standingOf(exchange),
    ]);
    return { status: 200, json: usageView(consumer.id, standing, limits, context.deps.clock.now()) };
  },
});

/** The count of the limit, or else the count of the gateway. */
function usageView(
  consumer: string,
  { requests, today, month }: Standing,
  { perMinute, perHour, budgets }: CallerStanding,
  now: number,
): Static<typeof UsageView> {
  return {
    user_id: consumer,
    usage: {
      requests_last_minute: perMinute?.used ?? requests.lastMinute,
      requests_last_hour: perHour?.used ?? requests.lastHour,
      timestamp: instantText(now),
    },
    limits: { per_minute: perMinute?.limit ?? null, per_hour: perHour?.limit ?? null },
    ...(today && month && { tokens: { today: tokensView(today), month: tokensView(month) } }),
    ...(today && month && { cost: { today_usd: usd(today), month_usd: usd(month) } }),
    budgets: budgetsView(budgets),
  };
}

function tokensView({ inputTokens, outputTokens }: Amounts): Static<typeof TokensView> {
  return { input: inputTokens, output: outputTokens };
}

function usd({ costNanoUsd }: Amounts): number {
  return costNanoUsd / 1e9;
}
