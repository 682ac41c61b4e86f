import Type from 'typebox';
import { Section } from '../../lib/schema-atoms.ts';
import { defineEndpoint, InstantText, instantText } from '../endpoint.ts';
import { checkExpiry, checkRateLimit, ExpiresAt, NameText, PermissionList, RateLimit, TierName } from './key-fields.ts';

const NewKey = Section(
  {
    owner: NameText('Whose key it is; a consumer of this name is created when there is none.'),
    tier: Type.Optional(TierName),
    name: Type.Optional(NameText('What the key is for.')),
    env: Type.Enum(['live', 'test', 'dev'], { description: 'Part of the key, to tell them apart.', default: 'live' }),
    scopes: Type.Optional(PermissionList('Narrows what the owner may do. Default: everything the owner may do.')),
    expires_at: Type.Optional(ExpiresAt),
    rate_limit: RateLimit,
  },
  { description: 'A key to be issued.' },
);

/** The one moment at which a key can be read. */
export const generateKeyEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/generate_key',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Issues an API key. The key is shown in this answer only.',
  body: NewKey,
  response: Type.Object({
    api_key: Type.String(),
    id: Type.String(),
    owner: Type.String(),
    prefix: Type.String({ description: 'The part of the key that may be shown.' }),
    created_at: InstantText('When it was issued.'),
  }),
  handle: async ({ context, body }) => {
    const { expires_at: expiresAt, rate_limit: rateLimit, ...fields } = body;
    checkExpiry(expiresAt, context.deps.clock.now());
    checkRateLimit(rateLimit);
    const { apiKey, key } = await context.identity.keys.issue({ ...fields, expiresAt, rateLimit });
    const { id, owner, prefix, createdAt } = key;
    return {
      status: 201,
      json: { api_key: apiKey, id, owner: owner.name, prefix, created_at: instantText(createdAt) },
    };
  },
});
