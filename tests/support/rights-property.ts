import fc from 'fast-check';
import type { IssuerConfig } from '../../src/config/token-schema.ts';
import type { Principal, Rights } from '../../src/exchange/principal.ts';
import type { FileConsumer } from '../../src/identity/known-key.ts';
import { computeRights, type RightsSource, type RightsSources } from '../../src/identity/rights.ts';
import { grantOfFile, grantOfStranger, principalOf } from '../../src/identity/tokens/token-principal.ts';
import type { VerifiedToken } from '../../src/identity/tokens/verify-token.ts';

const NAMES = ['*', 'a', 'a:*', 'a:x', 'a:xy', 'a:x*', 'b:*', 'b:x', 'ab'];
/** The names checked against the rights: plain ones, because no request asks for a wildcard. */
const ASKED = ['a', 'a:x', 'a:xy', 'a:xyz', 'b:x', 'ab', 'c', ''];
const RANGES = ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.1', 'loopback', '2001:db8::/32'];
const ADDRESSES = ['10.1.2.3', '10.9.9.9', '192.0.2.1', '127.0.0.1', '2001:db8::5', '203.0.113.9'];

const list = (values: readonly string[]) =>
  fc.option(fc.array(fc.constantFrom(...values), { maxLength: 4 }), { nil: undefined });

const source: fc.Arbitrary<RightsSource> = fc.record({
  from: fc.constant('test'),
  permissions: list(NAMES),
  models: list(NAMES),
  routes: list(ASKED),
  addresses: list(RANGES),
});

const matches = (entry: string, name: string): boolean =>
  entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name;
const allows = (held: readonly string[] | undefined, name: string): boolean =>
  held === undefined || held.some((entry) => matches(entry, name));

/** Everything of a fixed set of questions that the rights say yes to. */
function allowedBy({ permissions, models, routes, addresses }: Rights): Set<string> {
  const yes = (kind: string, names: readonly string[], may: (name: string) => boolean): string[] =>
    names.filter(may).map((name) => `${kind} ${name}`);
  return new Set([
    ...yes('permission', ASKED, (name) => allows(permissions, name)),
    ...yes('model', ASKED, (name) => allows(models, name)),
    ...yes('route', ASKED, (name) => routes === undefined || routes.includes(name)),
    ...yes('address', ADDRESSES, (address) => addresses === undefined || addresses(address)),
  ]);
}

const isWithin = (inner: Rights, outer: Rights): boolean => {
  const bound = allowedBy(outer);
  return [...allowedBy(inner)].every((item) => bound.has(item));
};

/** Another source, in any position, allows nothing that was not allowed before, and nothing that it does not allow. */
const addingNeverWidens = fc.property(
  fc.array(source, { minLength: 1, maxLength: 4 }),
  source,
  fc.nat({ max: 4 }),
  (sources, added, at) => {
    const before = computeRights(sources as unknown as RightsSources);
    const after = computeRights(sources.toSpliced(at, 0, added) as unknown as RightsSources);
    return isWithin(after, before) && isWithin(after, computeRights([added]));
  },
);

const claims = fc.record({
  permissions: list(NAMES),
  models: list(NAMES),
  isAddressed: fc.boolean(),
});
const mapping = fc.record({
  permissions: fc.option(fc.constant('scope'), { nil: undefined }),
  models: fc.option(fc.constant('models'), { nil: undefined }),
  missing: fc.constant('deny' as const),
});
const grants = fc.record({ permissions: list(NAMES), models: list(NAMES) });

function tokenOf(said: { permissions?: string[]; models?: string[]; isAddressed: boolean }, issuer?: IssuerConfig) {
  const token = { subject: 'alice', jti: 'j', family: undefined, issuedAt: 0, expiresAt: 1, tier: undefined };
  return {
    ...token,
    lob: undefined,
    mapped: {},
    permissions: undefined,
    models: undefined,
    ...said,
    issuer,
  } as VerifiedToken;
}

const ofStranger = (token: VerifiedToken): Principal => principalOf(token, grantOfStranger(token, undefined), 'digest');

/** A mapped claim that is left out or emptied opens nothing, and no claim opens more than the issuer is granted. */
const foreignClaimsNeverWiden = fc.property(claims, mapping, grants, (said, names, atMost) => {
  const issuer = { alias: 'corp', claims: { consumer: 'sub', ...names }, at_most: atMost } as unknown as IssuerConfig;
  const read = {
    isAddressed: true,
    ...(names.permissions && said.permissions ? { permissions: said.permissions } : {}),
    ...(names.models && said.models ? { models: said.models } : {}),
  };
  const full = ofStranger(tokenOf(read, issuer));
  const bound = computeRights([{ from: 'test', ...atMost }]);
  const empty = ofStranger(tokenOf({ isAddressed: true }, issuer));
  const isClosed =
    (!names.permissions || empty.permissions.length === 0) && (!names.models || empty.models?.length === 0);
  return isClosed && isWithin(full, bound) && isWithin(empty, full);
});

/** With our own secret: never more than the consumer has, and a token that names no gateway never more than it lists. */
const ownClaimsNeverWiden = fc.property(claims, grants, (said, rights) => {
  const token = tokenOf(said as Parameters<typeof tokenOf>[0]);
  const consumer: FileConsumer = { id: 'alice', name: 'alice', enabled: true, keys: [], ...rights };
  const held = principalOf(token, grantOfFile(consumer), 'digest');
  const bare = { from: 'test', permissions: said.permissions ?? [], models: said.models ?? [] };
  const bound = said.isAddressed ? { ...bare, permissions: said.permissions, models: said.models } : bare;
  const stranger = ofStranger(token);
  const everything = (names: readonly string[] | undefined) => names === undefined || names.includes('*');
  const isBounded = said.isAddressed || !(everything(stranger.permissions) || everything(stranger.models));
  return isBounded && isWithin(held, computeRights([{ from: 'test', ...rights }, bound])) && isWithin(held, stranger);
});

/** Throws with the smallest counterexample. */
export function checkRights(numRuns: number): void {
  for (const property of [addingNeverWidens, foreignClaimsNeverWiden, ownClaimsNeverWiden])
    fc.assert(property as fc.IProperty<unknown>, { numRuns });
}
