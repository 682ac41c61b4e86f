import { type Static, Type } from '../../lib/schema-builder.ts';
import type { TokenPair } from '../../identity/users/refresh-tokens.ts';

/** What a login and a refresh answer (RFC 6749 section 5.1). */
export const TokenPairView = Type.Object({
  access_token: Type.String({ description: 'For `Authorization: Bearer`.' }),
  token_type: Type.Literal('bearer'),
  expires_in: Type.Integer({ description: 'Seconds the access token works.' }),
  refresh_token: Type.String({ description: 'For one use at `/v1/auth/refresh`.' }),
});

export function tokenPairView({
  accessToken,
  expiresInSeconds,
  refreshToken,
}: TokenPair): Static<typeof TokenPairView> {
  return {
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: expiresInSeconds,
    refresh_token: refreshToken,
  };
}
