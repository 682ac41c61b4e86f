import { type Static, Type } from '../../lib/schema-builder.ts';
import type { Consumer } from '../../identity/consumers.ts';
import { InstantText, instantText } from '../endpoint.ts';
import { BudgetView, budgetView, RateLimitView, rateLimitView } from './rate-limit-view.ts';

/** A stored consumer. Fields that have nothing to say are left out. */
export const ConsumerView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  tier: Type.Optional(Type.String()),
  status: Type.Enum(['active', 'disabled']),
  permissions: Type.Array(Type.String()),
  models: Type.Optional(Type.Array(Type.String())),
  rate_limit: Type.Optional(RateLimitView),
  budget: Type.Optional(BudgetView),
  created_at: InstantText('When it was created.'),
  updated_at: InstantText('When it was last changed.'),
});

export function consumerView(consumer: Consumer): Static<typeof ConsumerView> {
  const { id, name, tier, status, permissions, models, rateLimit, budget, createdAt, updatedAt } = consumer;
  return {
    id,
    name,
    ...(tier === undefined ? {} : { tier }),
    status,
    permissions: [...permissions],
    ...(models && { models: [...models] }),
    ...(rateLimit && { rate_limit: rateLimitView(rateLimit) }),
    ...(budget && { budget: budgetView(budget) }),
    created_at: instantText(createdAt),
    updated_at: instantText(updatedAt),
  };
}
