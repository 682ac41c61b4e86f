import { randomUUID } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import { OWN_NAME } from '../../config/token-schema.ts';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import type { Clock } from '../../lib/clock.ts';
import type { OwnKey } from './own-key.ts';

export interface AccessRequest {
  /** `id` becomes the token's `sub`. */
  readonly consumer: { readonly id: string; readonly tier?: string | undefined };
  /** The login the token belongs to: revoking the family revokes the token. */
  readonly family?: string | undefined;
  readonly lob?: string | undefined;
  /** Narrows the models its consumer may use. */
  readonly models?: readonly string[] | undefined;
  /** Narrows what its consumer may do. */
  readonly permissions?: readonly string[] | undefined;
  /** What limits with `limit_claim: rate_limit` read. */
  readonly rateLimit?: number | undefined;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

/** The `typ` claim that distinguishes access tokens from anything else signed with the same secret. */
export const ACCESS_TYPE = 'access';

/** Signs the gateway's own access tokens. */
export class TokenIssuer {
  private readonly clock: Clock;
  private readonly ownKey: () => Promise<OwnKey | undefined>;

  /** `ownKey` is asked for every token: a reload may have changed it. */
  constructor(ownKey: () => Promise<OwnKey | undefined>, clock: Clock) {
    this.ownKey = ownKey;
    this.clock = clock;
  }

  /** A token in force from now on. Throws GatewayError STORE_UNAVAILABLE when no secret is configured. */
  async issueAccess(request: AccessRequest): Promise<IssuedToken> {
    const own = (await this.ownKey()) ?? refuse();
    const { config, key } = own;
    const now = this.clock.now();
    const expiresInSeconds = Math.floor(config.access_ttl / 1000);
    const token = await new SignJWT({
      ...claimsOf(request),
      iss: config.issuer ?? OWN_NAME,
      aud: config.audience ?? OWN_NAME,
      jti: randomUUID(),
      // With its fraction, so that a token made right after its consumer was revoked is not taken for an older one.
      iat: now / 1000,
      exp: Math.floor(now / 1000) + expiresInSeconds,
      typ: ACCESS_TYPE,
    })
      .setProtectedHeader({ alg: config.algorithm, typ: 'JWT' })
      .sign(key);
    return { token, expiresInSeconds };
  }
}

function claimsOf({ consumer, family, lob, models, permissions, rateLimit }: AccessRequest): JWTPayload {
  return {
    sub: consumer.id,
    ...(consumer.tier === undefined ? {} : { tier: consumer.tier }),
    ...(family === undefined ? {} : { sid: family }),
    ...(lob === undefined ? {} : { lob }),
    ...(models === undefined ? {} : { models }),
    ...(permissions === undefined ? {} : { permissions }),
    ...(rateLimit === undefined ? {} : { rate_limit: rateLimit }),
  };
}

function refuse(): never {
  const detail = 'Tokens are off: the gateway was started without SECRET_KEY.';
  throw new GatewayError(new Rejection('STORE_UNAVAILABLE', detail));
}
