import { type Static, Type } from '../../lib/schema-builder.ts';
import type { IssuedApiKey } from '../../identity/api-keys.ts';
import { InstantText, instantText } from '../endpoint.ts';

/** The one answer in which somebody can read a key of their own. */
export const IssuedOwnKeyView = Type.Object({
  id: Type.String(),
  api_key: Type.String({ description: 'The key. It is stored nowhere and cannot be shown again.' }),
  name: Type.Optional(Type.String()),
  prefix: Type.String({ description: 'The part of the key that may be shown.' }),
  scopes: Type.Optional(Type.Array(Type.String(), { description: 'Absent: all that the owner may do.' })),
  expires_at: Type.Optional(InstantText('When it stops working.')),
});

export function issuedOwnKeyView({ apiKey, key }: IssuedApiKey): Static<typeof IssuedOwnKeyView> {
  const { id, name, prefix, scopes, expiresAt } = key;
  return {
    id,
    api_key: apiKey,
    ...(name !== undefined && { name }),
    prefix,
    ...(scopes && { scopes: [...scopes] }),
    ...(expiresAt !== undefined && { expires_at: instantText(expiresAt) }),
  };
}
