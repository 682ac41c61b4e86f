import { Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';
import { Budget, checkWrittenLimits, ExpiresAt, KEY_BOUNDS, NameText, RateLimit, SelfService } from './key-fields.ts';
import { KeyView, keyView } from './key-view.ts';

const KeyPatch = Section(
  {
    name: Type.Optional(NameText('What the key is for.')),
    ...KEY_BOUNDS,
    expires_at: Type.Optional(ExpiresAt),
    self_service: SelfService,
    rate_limit: RateLimit,
    budget: Budget,
  },
  { description: 'What to change. A field left out stays as it is; `null` clears it.' },
);

export const updateKeyEndpoint = defineEndpoint({
  method: 'PATCH',
  path: '/admin/keys/:id',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Changes an API key that has not been revoked; in force on every gateway within 2 s.',
  body: KeyPatch,
  clearable: ['name', 'scopes', 'models', 'routes', 'addresses', 'expires_at', 'rate_limit', 'budget'],
  response: KeyView,
  handle: async ({ context, exchange, param, body }) => {
    const { expires_at: expiresAt, rate_limit: rateLimit, self_service: selfService, ...fields } = body;
    checkWrittenLimits(body);
    const { keys } = context.identity;
    const key = await keys.patch(
      await keys.idOf(param('id')),
      { ...fields, expiresAt, rateLimit, selfService },
      byMasterKey(exchange),
    );
    return { status: 200, json: keyView(key) };
  },
});
