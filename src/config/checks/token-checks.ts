import { compileAddressSet } from '../../lib/address-set.ts';
import type { Path } from '../config-error.ts';
import type { Checks } from './policy-checks.ts';
import { isSampleSecret, SAMPLE_SECRET } from './sample-secrets.ts';
import type { ConfigFile, RoutePolicyFields } from '../schema.ts';
import { tierMistake } from './tier-names.ts';
import { type IssuerConfig, OWN_NAME, type OwnTokenConfig } from '../token-schema.ts';

type Fail = Pick<Checks, 'fail'>;

/** RFC 7518 section 3.2: a secret at least as long as the hash. */
const SHORTEST_SECRET: { readonly [A in OwnTokenConfig['algorithm']]: number } = { HS256: 32, HS384: 48, HS512: 64 };

const MAKE_ONE = 'openssl rand -base64 48 makes a good one';
const isLoopback = compileAddressSet(['loopback']);

/** What must be in order before tokens are accepted. A development start takes any secret, and makes up its own. */
export function checkTokens(file: ConfigFile, checks: Checks, dev: boolean): void {
  const { own, issuers } = file.auth.jwt;
  const path = ['auth', 'jwt', 'own', 'secret'];
  if (dev) checkSecret(own, path, { fail: (at, weakness) => checks.warn(at, `${weakness}. --dev takes it`) });
  else checkSecret(own, path, checks);
  if (!dev && own.secret === undefined && issuers.length === 0) checkModes(file, checks);
  checkIssuers(file, checks);
  checkNames(file, checks);
}

function checkSecret({ secret, algorithm }: OwnTokenConfig, path: Path, { fail }: Fail): void {
  if (secret === undefined) return;
  const text = secret.reveal();
  const shortest = SHORTEST_SECRET[algorithm];
  if (isSampleSecret(text)) fail(path, `${SAMPLE_SECRET}; ${MAKE_ONE}`);
  else if (Buffer.byteLength(text) < shortest)
    fail(path, `must be at least ${shortest} bytes for ${algorithm}: ${MAKE_ONE}`);
}

/** Whoever writes `jwt` counts on tokens being accepted. */
function checkModes(file: ConfigFile, { fail }: Fail): void {
  const places: [Path, RoutePolicyFields][] = [
    [['defaults'], file.defaults],
    ...Object.entries(file.services).map(([name, fields]): [Path, RoutePolicyFields] => [['services', name], fields]),
    ...file.routes.map((fields, i): [Path, RoutePolicyFields] => [['routes', i], fields]),
  ];
  for (const [path, { auth }] of places) {
    const at = auth ? (auth.modes?.indexOf('jwt') ?? -1) : -1;
    if (at === -1) continue;
    const mend = `set SECRET_KEY (${MAKE_ONE}) or auth.jwt.own.secret, or name an issuer under auth.jwt.issuers`;
    fail([...path, 'auth', 'modes', at], `no token could be verified: ${mend}`);
  }
}

function checkIssuers({ auth, tiers }: ConfigFile, { fail }: Fail): void {
  const seen = new Set<string>();
  auth.jwt.issuers.forEach((issuer, i) => {
    const path = ['auth', 'jwt', 'issuers', i];
    for (const field of ['alias', 'issuer'] as const) {
      if (seen.has(`${field} ${issuer[field]}`)) fail([...path, field], `another issuer has this ${field}`);
      seen.add(`${field} ${issuer[field]}`);
    }
    if (issuer.issuer === (auth.jwt.own.issuer ?? OWN_NAME))
      fail([...path, 'issuer'], 'is the name in the tokens of this gateway: give those another in auth.jwt.own.issuer');
    if (!isSafeKeyAddress(issuer.jwks_url))
      fail([...path, 'jwks_url'], 'must be an https:// address: whoever can change the answer can sign tokens');
    for (const [at, tier] of tiersOf(issuer)) {
      const mistake = tierMistake(tier, tiers);
      if (mistake) fail([...path, ...at], mistake);
    }
  });
}

function tiersOf({ default_tier, at_most }: IssuerConfig): [Path, string][] {
  const listed = (at_most.tiers ?? []).map((tier, i): [Path, string] => [['at_most', 'tiers', i], tier]);
  return default_tier === undefined ? listed : [[['default_tier'], default_tier], ...listed];
}

/** Somebody from another issuer must not be able to become one of ours. */
function checkNames({ auth, consumers }: ConfigFile, { fail }: Fail): void {
  consumers.forEach(({ id }, i) => {
    const issuer = auth.jwt.issuers.find(({ alias }) => id.startsWith(`${alias}:`));
    if (issuer) fail(['consumers', i, 'id'], `begins with "${issuer.alias}:", which names the callers of that issuer`);
  });
}

function isSafeKeyAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  const host = hostname.replace(/^\[|\]$/g, '');
  return protocol === 'https:' || host === 'localhost' || isLoopback(host);
}
