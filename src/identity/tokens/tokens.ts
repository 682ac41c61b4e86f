import { isDeepStrictEqual } from 'node:util';
import type { JwtConfig } from '../../config/token-schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Database } from '../../storage/database.ts';
import type { FailedAuth } from '../failed-auth.ts';
import type { FileConsumer } from '../known-key.ts';
import { TokenIssuer } from './issue-token.ts';
import { KeySet } from './jwks.ts';
import { importOwnKey, type OwnKey } from './own-key.ts';
import { Revocations } from './revocations.ts';
import { TokenDirectory, type TokenRules } from './token-directory.ts';
import { TokenVerifier } from './verify-token.ts';

/** The parts of the configuration that tokens depend on. */
export interface TokenSettings {
  readonly auth: { readonly jwt: JwtConfig };
  /** Their names only. */
  readonly tiers: Readonly<Record<string, unknown>>;
  readonly consumers: readonly FileConsumer[];
}

interface TokensOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly failedAuth: FailedAuth;
  /** Runs after each revocation. */
  readonly announce: () => Promise<void>;
  /** Signs our tokens while the configuration has no secret. */
  readonly developmentSecret?: Secret | undefined;
  readonly onLookupFailure?: ((error: unknown) => void) | undefined;
  /** Called when the keys of a foreign issuer begin or cease to be readable. */
  readonly onIssuerChange?: ((alias: string, isUp: boolean, reason: string | undefined) => void) | undefined;
}

const NO_SETTINGS: TokenSettings = {
  auth: { jwt: { own: { algorithm: 'HS256', access_ttl: 1_800_000, refresh_ttl: 2_592_000_000 }, issuers: [] } },
  tiers: {},
  consumers: [],
};

/** Everything about tokens: identifying callers by them, signing them, and refusing them. */
export class Tokens {
  readonly issuer: TokenIssuer;
  readonly directory: TokenDirectory;
  readonly revocations: Revocations;

  private readonly options: TokensOptions;
  private settings: TokenSettings;
  private ownKey: Promise<OwnKey | undefined> = Promise.resolve(undefined);
  /** By address and pace, so that a reload neither forgets keys nor reads them more often than it may. */
  private keySets = new Map<string, KeySet>();

  constructor(options: TokensOptions, settings: TokenSettings = NO_SETTINGS) {
    this.options = options;
    this.settings = settings;
    this.issuer = new TokenIssuer(() => this.ownKey, options.clock);
    this.directory = new TokenDirectory(
      { ...options, reader: options.database.reader, onFailure: options.onLookupFailure },
      this.makeRules(),
    );
    this.directory.setFileConsumers(settings.consumers);
    this.revocations = new Revocations(options.database, options.clock, options.announce);
  }

  /** Whether any token could be accepted: with a secret or with another issuer. */
  get isOpen(): boolean {
    return this.settings.auth.jwt.issuers.length > 0 || this.hasOwn;
  }

  /** Whether the gateway can sign tokens of its own. */
  get hasOwn(): boolean {
    return (this.settings.auth.jwt.own.secret ?? this.options.developmentSecret) !== undefined;
  }

  /** Milliseconds. */
  get refreshTtl(): number {
    return this.settings.auth.jwt.own.refresh_ttl;
  }

  /** Takes effect for the next request: unless nothing has changed, every token is verified again. */
  configure(settings: TokenSettings): void {
    if (isDeepStrictEqual(essenceOf(settings), essenceOf(this.settings))) return;
    this.settings = settings;
    this.directory.setRules(this.makeRules());
    this.directory.setFileConsumers(settings.consumers);
  }

  close(): void {
    for (const keys of this.keySets.values()) keys.close();
  }

  private makeRules(): TokenRules {
    const { auth, tiers } = this.settings;
    const { own, issuers } = auth.jwt;
    const secret = own.secret ?? this.options.developmentSecret;
    this.ownKey = importOwnKey(secret === undefined ? own : { ...own, secret });
    const verifier = new TokenVerifier({
      clock: this.options.clock,
      ownKey: this.ownKey,
      issuers: this.withKeySets(issuers),
    });
    const names = Object.keys(tiers);
    const aliases = issuers.map(({ alias }) => alias);
    return { verifier, aliases, tiers: names.length === 0 ? undefined : new Set(names) };
  }

  private withKeySets(issuers: JwtConfig['issuers']) {
    const before = this.keySets;
    this.keySets = new Map();
    const withKeys = issuers.map((config) => {
      const name = `${config.jwks_url} ${config.refresh}`;
      const keys = this.keySets.get(name) ?? before.get(name) ?? this.openKeySet(config);
      this.keySets.set(name, keys);
      return { config, keys };
    });
    for (const [name, keys] of before) if (!this.keySets.has(name)) keys.close();
    return withKeys;
  }

  private openKeySet({ alias, jwks_url, refresh }: JwtConfig['issuers'][number]): KeySet {
    return new KeySet({
      url: jwks_url,
      refreshMs: refresh,
      clock: this.options.clock,
      onChange: (isUp, reason) => this.options.onIssuerChange?.(alias, isUp, reason),
    });
  }
}

/** What decides about tokens; secrets are opened, because they all look the same from outside. */
function essenceOf({ auth, tiers, consumers }: TokenSettings): unknown {
  return { jwt: auth.jwt, secret: auth.jwt.own.secret?.reveal(), tiers: Object.keys(tiers), consumers };
}
