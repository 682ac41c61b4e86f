import { type Static, Type } from '../../lib/schema-builder.ts';
import type { Principal } from '../../exchange/principal.ts';
import { isUserId } from '../../identity/name-owner.ts';
import { defineEndpoint, InstantText, instantText } from '../endpoint.ts';
import { callerOf } from './caller.ts';

/** The caller as every route sees it. Fields that have nothing to say are left out. */
const CallerView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.Optional(Type.String({ description: 'Of who has an account here.' })),
  tier: Type.Optional(Type.String()),
  permissions: Type.Array(Type.String(), { description: 'What the credential of this request may do.' }),
  models: Type.Optional(Type.Array(Type.String())),
  lob: Type.Optional(Type.String({ description: 'Line of business.' })),
  credential: Type.Object({
    kind: Type.Enum(['api_key', 'token']),
    id: Type.String({ description: 'Id of the key, or the `jti` of the token.' }),
    expires_at: Type.Optional(InstantText('When it stops working.')),
  }),
});

export const meEndpoint = defineEndpoint({
  method: 'GET',
  path: '/v1/auth/me',
  aliases: ['/api/v1/auth/me'],
  planes: ['public'],
  auth: 'token_or_key',
  summary: "Shows who calls. It counts against the caller's limit.",
  response: CallerView,
  handle: ({ exchange }) => ({ status: 200, json: callerView(callerOf(exchange)) }),
});

function callerView({
  consumer,
  credential,
  permissions,
  models,
  lob,
  expiresAt,
}: Principal): Static<typeof CallerView> {
  const { id, name, tier } = consumer;
  return {
    id,
    name,
    ...(isUserId(id) && { email: name }),
    ...(tier !== undefined && { tier }),
    permissions: [...permissions],
    ...(models && { models: [...models] }),
    ...(lob !== undefined && { lob }),
    credential: {
      kind: credential.kind,
      id: credential.id,
      ...(expiresAt !== undefined && { expires_at: instantText(expiresAt) }),
    },
  };
}
