import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import {
  Budget,
  checkExpiry,
  checkWrittenLimits,
  ExpiresAt,
  KEY_BOUNDS,
  NameText,
  RateLimit,
} from '../admin/key-fields.ts';
import { defineEndpoint } from '../endpoint.ts';
import { byCaller, callerOf } from './caller.ts';
import { IssuedOwnKeyView, issuedOwnKeyView } from './own-key-view.ts';

const NewOwnKey = Section(
  {
    name: Type.Optional(NameText('What the key is for.')),
    env: Type.Enum(['live', 'test', 'dev'], { description: 'Part of the key, to tell them apart.', default: 'live' }),
    ...KEY_BOUNDS,
    expires_at: Type.Optional(ExpiresAt),
    rate_limit: RateLimit,
    budget: Budget,
  },
  { description: 'A key to be issued. Its limits and budgets apply beside those of the caller.' },
);

export const createOwnKeyEndpoint = defineEndpoint({
  method: 'POST',
  path: '/v1/auth/api-keys',
  aliases: ['/api/v1/auth/api-keys'],
  planes: ['public'],
  auth: 'token',
  summary:
    'Issues an API key to who is logged in, with no more rights than they have. It is shown in this answer only.',
  body: NewOwnKey,
  success: 201,
  response: IssuedOwnKeyView,
  handle: async ({ context, exchange, body }) => {
    const { expires_at: expiresAt, rate_limit: rateLimit, ...fields } = body;
    checkExpiry(expiresAt, context.deps.clock.now());
    checkWrittenLimits(body);
    const wanted = { ...fields, expiresAt, rateLimit };
    const issued = await context.identity.ownKeys.issue(callerOf(exchange), wanted, byCaller(exchange));
    return { status: 201, json: issuedOwnKeyView(issued) };
  },
});
