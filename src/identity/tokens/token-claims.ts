import type { JWTPayload, JWTHeaderParameters } from 'jose';
import type { IssuerConfig } from '../../config/token-schema.ts';
import type { ClaimValue } from '../../exchange/principal.ts';
import { ACCESS_TYPE } from './issue-token.ts';

/** What a token says, after its signature, issuer, audience and dates have been found in order. */
export interface TokenClaims {
  /** The claim that names the caller. */
  readonly subject: string;
  readonly jti: string | undefined;
  /** The login it belongs to. */
  readonly family: string | undefined;
  /** Epoch milliseconds; 0 when it does not say. */
  readonly issuedAt: number;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly tier: string | undefined;
  readonly lob: string | undefined;
  /** `undefined` = not narrowed. */
  readonly models: readonly string[] | undefined;
  readonly permissions: readonly string[] | undefined;
  /** All of the mapped ones under our names. */
  readonly mapped: Readonly<Record<string, ClaimValue>>;
}

type ClaimNames = Omit<IssuerConfig['claims'], 'missing'> & { readonly family?: string };

/** Our own tokens use our names. */
export const OWN_CLAIMS: ClaimNames = {
  consumer: 'sub',
  family: 'sid',
  tier: 'tier',
  lob: 'lob',
  models: 'models',
  permissions: 'permissions',
  rate_limit: 'rate_limit',
};

/** Dates further ahead are mistakes, or meant to outlive every revocation. */
export const LONGEST_LIFE_MS = 366 * 24 * 60 * 60 * 1000;
/** How far the clock of another machine may be ahead of ours. */
export const LEEWAY_MS = 30_000;

const PLAIN_TEXT = /^\P{Cc}{1,256}$/u;
const MOST_NAMES = 100;

/**
 * Reads the claims under the names given. `undefined` when one of them is not of the form it must have: a claim that
 * narrows must not be passed over because it cannot be read.
 */
export function readClaims(payload: JWTPayload, names: ClaimNames, now: number): TokenClaims | undefined {
  try {
    return read(payload, names, now);
  } catch (error) {
    if (error instanceof UnreadableClaim) return undefined;
    throw error;
  }
}

/** True for a token made to be sent with requests: not one of refresh, identity or password reset (RFC 8725 3.11). */
export function isAccessToken(header: JWTHeaderParameters, payload: JWTPayload): boolean {
  // RFC 7797 has it called critical, and forbids it here; a token without it may mean another payload than we read.
  if (header.b64 === false || !isOneOf(header.typ, HEADER_TYPES)) return false;
  return TYPE_CLAIMS.every((name) => !Object.hasOwn(payload, name) || isOneOf(payload[name], CLAIM_TYPES));
}

class UnreadableClaim extends Error {}

/** RFC 7519 5.1 and RFC 9068 2.1; most issuers write the first, some nothing. */
const HEADER_TYPES: readonly unknown[] = [undefined, 'jwt', 'at+jwt', 'application/jwt', 'application/at+jwt'];
/** Where issuers write what a token is for: ours and Keycloak's, Flask's, Cognito's. */
const TYPE_CLAIMS = ['typ', 'type', 'token_type', 'token_use'];
const CLAIM_TYPES: readonly unknown[] = [ACCESS_TYPE, 'bearer'];

function isOneOf(value: unknown, words: readonly unknown[]): boolean {
  return words.includes(typeof value === 'string' ? value.toLowerCase() : value);
}

function read(payload: JWTPayload, names: ClaimNames, now: number): TokenClaims {
  const claim = (name: string | undefined): unknown =>
    name !== undefined && Object.hasOwn(payload, name) ? payload[name] : undefined;
  const mapped = {
    tier: optional(claim(names.tier), readText),
    lob: optional(claim(names.lob), readText),
    models: optional(claim(names.models), readNames),
    permissions: optional(claim(names.permissions), readNames),
    rate_limit: optional(claim(names.rate_limit), readAmount),
  };
  const present = Object.entries(mapped).filter(([, value]) => value !== undefined) as [string, ClaimValue][];
  return {
    subject: readText(claim(names.consumer)),
    jti: optional(claim('jti'), readText),
    family: optional(claim(names.family), readText),
    issuedAt: optional(claim('iat'), (value) => readDate(value, now + LEEWAY_MS)) ?? 0,
    expiresAt: readDate(claim('exp'), now + LONGEST_LIFE_MS),
    tier: mapped.tier,
    lob: mapped.lob,
    models: mapped.models,
    permissions: mapped.permissions,
    mapped: Object.fromEntries(present),
  };
}

function optional<T>(value: unknown, readValue: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : readValue(value);
}

/** Short text without control characters: it goes into logs, counters and headers. */
function readText(value: unknown): string {
  if (typeof value === 'string' && PLAIN_TEXT.test(value)) return value;
  throw new UnreadableClaim();
}

/** A list, or names between spaces as OAuth writes its scopes (RFC 6749 3.3). */
function readNames(value: unknown): readonly string[] {
  const names = typeof value === 'string' ? value.split(' ').filter(Boolean) : value;
  if (Array.isArray(names) && names.length <= MOST_NAMES) return names.map(readText);
  throw new UnreadableClaim();
}

function readAmount(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new UnreadableClaim();
}

/** Epoch milliseconds of a NumericDate. JSON can write numbers that become Infinity. */
function readDate(value: unknown, latest: number): number {
  const ms = typeof value === 'number' ? value * 1000 : Number.NaN;
  if (ms >= 0 && ms <= latest) return ms;
  throw new UnreadableClaim();
}
