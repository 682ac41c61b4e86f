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
  NameText,
  PermissionList,
  RateLimit,
  TierName,
} from './key-fields.ts';

const NewConsumer = Section(
  {
    name: NameText('Unique name: what `owner` names when a key is issued.'),
    tier: Type.Optional(TierName),
    permissions: Type.Optional(PermissionList('What the consumer may do. Default: everything.')),
    models: ConsumerModels,
    rate_limit: RateLimit,
    budget: Budget,
  },
  { description: 'A consumer to be created.' },
);

export const createConsumerEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/consumers',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Creates a consumer without keys; 409 when the name is taken.',
  body: NewConsumer,
  success: 201,
  response: ConsumerView,
  handle: async ({ context, config, exchange, body }) => {
    const { rate_limit: rateLimit, ...fields } = body;
    checkWrittenLimits(body);
    checkTier(body.tier, config);
    const consumer = await context.identity.consumers.create({ ...fields, rateLimit }, byMasterKey(exchange));
    return { status: 201, json: consumerView(consumer) };
  },
});
