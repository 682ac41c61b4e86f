import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';
import { ConsumerView, consumerView } from './consumer-view.ts';
import {
  Budget,
  checkTier,
  checkWrittenLimits,
  ConsumerModels,
  PermissionList,
  RateLimit,
  TierName,
} from './key-fields.ts';

const ConsumerPatch = Section(
  {
    tier: Type.Optional(TierName),
    status: Type.Optional(Type.Enum(['active', 'disabled'], { description: '`disabled` refuses all its keys.' })),
    permissions: Type.Optional(PermissionList('What the consumer may do.')),
    models: ConsumerModels,
    rate_limit: RateLimit,
    budget: Budget,
  },
  {
    description: 'What to change. A field left out stays as it is; `null` clears tier, models, rate_limit and budget.',
  },
);

export const updateConsumerEndpoint = defineEndpoint({
  method: 'PATCH',
  path: '/admin/consumers/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Changes a consumer; in force on every gateway within 2 s.',
  body: ConsumerPatch,
  clearable: ['tier', 'models', 'rate_limit', 'budget'],
  response: ConsumerView,
  handle: async ({ context, config, exchange, param, body }) => {
    const { rate_limit: rateLimit, ...fields } = body;
    checkWrittenLimits(body);
    checkTier(body.tier, config);
    const { consumers } = context.identity;
    const id = await consumers.verifiedIdOf(param('id'));
    const consumer = await consumers.patch(id, { ...fields, rateLimit }, byMasterKey(exchange));
    return { status: 200, json: consumerView(consumer) };
  },
});
