import { type Static, Type } from '../../lib/schema-builder.ts';
import { limitLevel } from '../../identity/limit-level.ts';
import type { Consumer } from '../../identity/consumers.ts';
import { type Principal, UNBOUNDED } from '../../exchange/principal.ts';
import { BudgetsView, budgetsView } from '../budget-view.ts';
import { defineEndpoint } from '../endpoint.ts';
import { ConsumerView, consumerView } from './consumer-view.ts';

const ConsumerStandingView = Type.Object({ ...ConsumerView.properties, budgets: BudgetsView });

export const getConsumerEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/consumers/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows one stored consumer by its id or name, and what is left of its budgets.',
  response: ConsumerStandingView,
  handle: async ({ context, param }) => {
    const { consumers } = context.identity;
    const consumer = await consumers.get(await consumers.idOf(param('id')));
    const budgets = await context.gateway().budgetsOf(principalOf(consumer));
    const json: Static<typeof ConsumerStandingView> = { ...consumerView(consumer), budgets: budgetsView(budgets) };
    return { status: 200, json };
  },
});

/** The consumer as it would call, with no key in particular. */
function principalOf({ id, name, tier, rateLimit, budget }: Consumer): Principal {
  return {
    ...UNBOUNDED,
    consumer: { id, name, tier },
    credential: { kind: 'api_key', id: '', prefix: '', hashPrefix: '' },
    lob: undefined,
    claims: {},
    expiresAt: undefined,
    limits: limitLevel('consumer', id, { rate_limit: rateLimit, budget }),
  };
}
