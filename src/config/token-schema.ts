import { type Static, Type } from '../lib/schema-builder.ts';
import { Duration, OneOrMany, Section, SecretText } from '../lib/schema-atoms.ts';

const OWN_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;
/** The `iss` and `aud` of our tokens unless the configuration names others. */
export const OWN_NAME = 'turnpike';

/** Signatures by a key pair only: whoever can verify with a shared secret can also sign. */
const FOREIGN_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
];

const ClaimName = (description: string, options: { default?: string } = {}) =>
  Type.String({ description, minLength: 1, maxLength: 200, ...options });

const NameList = (description: string) =>
  Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { description, uniqueItems: true }));

const OwnSchema = Section(
  {
    secret: Type.Optional(
      SecretText({
        description:
          'Secret for signing, with as many random bytes as the algorithm needs (32 for HS256): write `${SECRET_KEY}`. Environment: `SECRET_KEY`, `JWT_SECRET_KEY`. `--dev` makes one.',
      }),
    ),
    algorithm: Type.Enum([...OWN_ALGORITHMS], {
      description: 'Algorithm of the signature. Environment: `JWT_ALGORITHM`.',
      default: 'HS256',
    }),
    access_ttl: Duration({
      description: 'Lifetime of an access token. Environment: `JWT_EXPIRATION_HOURS`.',
      default: '30m',
      minimum: '1m',
      maximum: '31d',
    }),
    refresh_ttl: Duration({
      description: 'Lifetime of a refresh token; each use makes a new one.',
      default: '30d',
      minimum: '1m',
      maximum: '366d',
    }),
    issuer: Type.Optional(
      Type.String({
        description:
          'Name in `iss`, `turnpike` by default. If you set it, tokens without it are refused; tokens with another value always are.',
        minLength: 1,
        maxLength: 200,
      }),
    ),
    audience: Type.Optional(
      Type.String({
        description:
          'Name in `aud`, `turnpike` by default. If you set it, tokens without it are refused; tokens with another value always are.',
        minLength: 1,
        maxLength: 200,
      }),
    ),
  },
  { description: 'Tokens the gateway signs itself, at login and at `/auth/token`.', default: {} },
);

const ClaimsSchema = Section(
  {
    consumer: ClaimName('Who calls; counted and logged as `<alias>:<value>`.', { default: 'sub' }),
    tier: Type.Optional(ClaimName('Tier of the caller.')),
    lob: Type.Optional(ClaimName('Line of business of the caller.')),
    models: Type.Optional(ClaimName('Models the caller may use: a list, or names between spaces.')),
    permissions: Type.Optional(ClaimName('What the caller may do: a list, or names between spaces.')),
    rate_limit: Type.Optional(ClaimName('A number that limits may name in `limit_claim`.')),
    missing: Type.Enum(['deny', 'allow'], {
      description:
        'What a token may do that lacks a claim named in `permissions` or `models`: nothing, or as much as `at_most` allows. Many issuers leave a claim out when it would be empty.',
      default: 'deny',
    }),
  },
  { description: 'Which claims are read, and for what. Other claims have no effect.', default: {} },
);

const AtMostSchema = Section(
  {
    tiers: NameList('Tiers the claim may name. Default: all that are configured.'),
    permissions: NameList(
      'Most that any token may do, `*` at the end for any rest. Default: what `claims.permissions` says, and everything where no claim is named.',
    ),
    models: NameList(
      'Most models any token may use, `*` at the end for any rest. Default: what `claims.models` says, and all where no claim is named.',
    ),
  },
  { description: 'Limits that no claim can exceed.', default: {} },
);

const IssuerSchema = Section(
  {
    alias: Type.String({
      description: 'Short unique name; the names of all consumers of this issuer begin with it.',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$',
      'x-form': 'up to 32 letters, digits, "_" and "-"',
    }),
    issuer: Type.String({ description: 'The exact value of `iss`.', minLength: 1, maxLength: 1_000 }),
    audience: OneOrMany(Type.String({ minLength: 1, maxLength: 1_000 }), {
      description: 'Accepted values of `aud`; a token must have one of them.',
      minItems: 1,
      maxItems: 20,
    }),
    algorithms: Type.Array(Type.Enum(FOREIGN_ALGORITHMS), {
      description: 'Accepted signature algorithms, whatever the token says.',
      default: ['RS256'],
      minItems: 1,
      uniqueItems: true,
    }),
    jwks_url: Type.String({
      description: 'Where the public keys are published: https, or http on this machine. Redirects are not followed.',
      pattern: '^https?://[^\\s#]+$',
      'x-form': 'an address such as https://idp.example/jwks.json',
    }),
    refresh: Duration({
      description: 'How often the keys are read again. An unknown key is looked up at once, but at most every 30 s.',
      default: '1h',
      minimum: '1m',
      maximum: '12h',
    }),
    claims: ClaimsSchema,
    default_tier: Type.Optional(
      Type.String({
        description: 'Tier of callers whose token has no allowed tier.',
        minLength: 1,
        maxLength: 64,
      }),
    ),
    at_most: AtMostSchema,
  },
  { description: 'Another issuer whose tokens are accepted.' },
);

/** The top-level section `auth`. */
export const TokenAuthSchema = Section(
  {
    jwt: Section(
      {
        own: OwnSchema,
        issuers: Type.Array(IssuerSchema, { description: 'Other issuers.', default: [], maxItems: 20 }),
      },
      { description: 'Tokens that the mode `jwt` accepts.', default: {} },
    ),
  },
  { description: 'Credentials of callers other than API keys.', default: {} },
);

export type JwtConfig = Static<typeof TokenAuthSchema>['jwt'];
export type OwnTokenConfig = JwtConfig['own'];
export type IssuerConfig = JwtConfig['issuers'][number];
