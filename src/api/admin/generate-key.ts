import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';
import {
  Budget,
  checkExpiry,
  checkTier,
  checkWrittenLimits,
  ExpiresAt,
  KEY_BOUNDS,
  NameText,
  RateLimit,
  SelfService,
  TierName,
} from './key-fields.ts';
import { IssuedKeyView, issuedKeyView } from './key-view.ts';

const NewKey = Section(
  {
    owner: NameText(
      'Whose key it is: the id of a consumer, or its name; a consumer of the name is created when there is none.',
    ),
    tier: Type.Optional(TierName),
    name: Type.Optional(NameText('What the key is for.')),
    env: Type.Enum(['live', 'test', 'dev'], { description: 'Part of the key, to tell them apart.', default: 'live' }),
    ...KEY_BOUNDS,
    expires_at: Type.Optional(ExpiresAt),
    self_service: SelfService,
    rate_limit: RateLimit,
    budget: Budget,
  },
  { description: 'A key to be issued.' },
);

export const generateKeyEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/generate_key',
  aliases: ['/admin/keys'],
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Issues an API key. It is shown in this answer only.',
  body: NewKey,
  success: 201,
  response: IssuedKeyView,
  handle: async ({ context, config, exchange, body }) => {
    const { expires_at: expiresAt, rate_limit: rateLimit, self_service: selfService, ...fields } = body;
    checkExpiry(expiresAt, context.deps.clock.now());
    checkWrittenLimits(body);
    checkTier(body.tier, config);
    const issued = await context.identity.keys.issue(
      { ...fields, expiresAt, rateLimit, selfService },
      byMasterKey(exchange),
    );
    return { status: 201, json: issuedKeyView(issued) };
  },
});
