import { decodeJwt, decodeProtectedHeader, type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import { type IssuerConfig, OWN_NAME } from '../../config/token-schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { TokenFault } from '../known-key.ts';
import type { KeySet } from './jwks.ts';
import type { OwnKey } from './own-key.ts';
import { isAccessToken, LEEWAY_MS, OWN_CLAIMS, readClaims, type TokenClaims } from './token-claims.ts';

export interface VerifiedToken extends TokenClaims {
  /** The issuer of the token; `undefined` for our own. */
  readonly issuer: IssuerConfig | undefined;
  /** Names its issuer and audience: it has both `iss` and `aud`. */
  readonly isAddressed: boolean;
}

export type Verification =
  | { readonly kind: 'verified'; readonly token: VerifiedToken }
  | { readonly kind: 'refused'; readonly reason: 'expired' }
  | { readonly kind: 'refused'; readonly reason: 'unknown'; readonly why: TokenFault }
  /** The issuer's keys cannot be read: nothing is known about the token. */
  | { readonly kind: 'unavailable' };

/** Another issuer with its keys. */
export interface ForeignIssuer {
  readonly config: IssuerConfig;
  readonly keys: KeySet;
}

interface VerifierOptions {
  readonly clock: Clock;
  /** `undefined` while no secret is configured: then no token is ours. */
  readonly ownKey: Promise<OwnKey | undefined>;
  readonly issuers: readonly ForeignIssuer[];
}

const EXPIRED: Verification = Object.freeze({ kind: 'refused', reason: 'expired' });
const UNAVAILABLE: Verification = Object.freeze({ kind: 'unavailable' });

/** Longer than any honest token, short enough to look at for nothing. */
const LONGEST_TOKEN = 8 * 1024;

/** RFC 7515 3.1, signed ones only: three parts of base64url, the first a JSON object and therefore beginning `ey`. */
export function isTokenShaped(text: string): boolean {
  return text.length < LONGEST_TOKEN && /^ey[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/**
 * Says whether tokens are genuine, along RFC 8725: the configuration decides by issuer which algorithms and which keys
 * are tried, and nothing in the token can add to them.
 */
export class TokenVerifier {
  private readonly clock: Clock;
  private readonly ownKey: Promise<OwnKey | undefined>;
  private readonly issuers: ReadonlyMap<unknown, ForeignIssuer>;

  constructor(options: VerifierOptions) {
    this.clock = options.clock;
    this.ownKey = options.ownKey;
    this.issuers = new Map(options.issuers.map((issuer) => [issuer.config.issuer, issuer]));
  }

  /** Rejects only on a bug. */
  async verify(text: string): Promise<Verification> {
    const said = readUnverified(text);
    if (!said) return invalid('form');
    const foreign = this.issuers.get(said.payload.iss);
    if (foreign) return this.verifyForeign(text, said.header, foreign);
    const own = await this.ownKey;
    const { iss } = said.payload;
    if (!own || (iss !== undefined && iss !== (own.config.issuer ?? OWN_NAME))) return invalid('issuer');
    return this.verifyOwn(text, own, said.header);
  }

  private async verifyOwn(text: string, { key, config }: OwnKey, { alg }: Header): Promise<Verification> {
    if (alg !== config.algorithm) return invalid('algorithm');
    const payload = await this.checkSignature(text, key, {
      algorithms: [config.algorithm],
      ...(config.issuer === undefined ? {} : { issuer: config.issuer }),
      ...(config.audience === undefined ? {} : { audience: config.audience }),
    });
    if (typeof payload === 'string') return payload === 'expired' ? EXPIRED : invalid(payload);
    const { issuer = OWN_NAME, audience = OWN_NAME } = config;
    const isOurs = payload.iss === undefined || payload.iss === issuer;
    const isForUs = payload.aud === undefined || [payload.aud].flat().includes(audience);
    if (!isOurs) return invalid('issuer');
    return isForUs ? this.accept(payload, undefined) : invalid('audience');
  }

  private async verifyForeign(text: string, header: Header, { config, keys }: ForeignIssuer): Promise<Verification> {
    const { issuer, audience, algorithms } = config;
    if (!algorithms.includes(String(header.alg))) return invalid('algorithm');
    const candidates = await keys.candidates(header);
    if (candidates === 'unavailable') return UNAVAILABLE;
    if (candidates === 'unknown') return invalid('key');
    let why: TokenFault = 'signature';
    for (const key of candidates) {
      const payload = await this.checkSignature(text, key, { algorithms, issuer, audience });
      if (payload === 'expired') return EXPIRED;
      if (typeof payload !== 'string') return this.accept(payload, config);
      if (payload !== 'signature') why = payload;
    }
    return invalid(why);
  }

  private async checkSignature(
    text: string,
    key: CryptoKey,
    expected: { readonly algorithms: string[]; readonly issuer?: string; readonly audience?: string | string[] },
  ): Promise<JWTPayload | 'expired' | TokenFault> {
    try {
      const { payload, protectedHeader } = await jwtVerify(text, key, {
        ...expected,
        currentDate: new Date(this.clock.now()),
        clockTolerance: LEEWAY_MS / 1000,
        requiredClaims: ['sub', 'exp'],
      });
      return isAccessToken(protectedHeader, payload) ? payload : 'type';
    } catch (error) {
      return faultOf(error as JoseError);
    }
  }

  private accept(payload: JWTPayload, issuer: IssuerConfig | undefined): Verification {
    const now = this.clock.now();
    const claims = readClaims(payload, issuer?.claims ?? OWN_CLAIMS, now);
    if (!claims) return invalid('claim');
    // The leeway is for clocks that are ahead of ours; nothing is accepted after its end.
    return claims.expiresAt <= now
      ? EXPIRED
      : { kind: 'verified', token: { ...claims, issuer, isAddressed: isAddressed(payload) } };
  }
}

type Header = JWTHeaderParameters;

/** As far as it is read of the library's errors. */
interface JoseError {
  readonly code?: unknown;
  readonly claim?: unknown;
}

const FAULTY_CLAIMS: ReadonlyMap<unknown, TokenFault> = new Map([
  ['iss', 'issuer'],
  ['aud', 'audience'],
  ['nbf', 'time'],
  ['iat', 'time'],
  ['exp', 'time'],
]);

function faultOf({ code, claim }: JoseError): 'expired' | TokenFault {
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return 'expired';
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return FAULTY_CLAIMS.get(claim) ?? 'claim';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return 'signature';
    default:
      return 'form';
  }
}

function invalid(why: TokenFault): Verification {
  return { kind: 'refused', reason: 'unknown', why };
}

function isAddressed({ iss, aud }: JWTPayload): boolean {
  return iss !== undefined && aud !== undefined;
}

/** The token's own claims, read to find the issuer whose rules it must pass. */
function readUnverified(text: string): { readonly header: Header; readonly payload: JWTPayload } | undefined {
  if (!hasCanonicalSignature(text)) return undefined;
  try {
    return { header: decodeProtectedHeader(text) as Header, payload: decodeJwt(text) };
  } catch {
    return undefined;
  }
}

/** The last character of base64url may have idle bits: one signature would have several spellings. */
function hasCanonicalSignature(text: string): boolean {
  const signature = text.slice(text.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}
