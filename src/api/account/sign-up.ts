import { Type } from '../../lib/schema-builder.ts';
import type { Settings } from '../../config/settings-schema.ts';
import { Rejection } from '../../errors/rejection.ts';
import { ANYBODY_ACTOR } from '../../identity/audit/audit-context.ts';
import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from '../../identity/users/passwords.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { byActor, byMasterKey } from '../audit-context.ts';
import { type Access, defineEndpoint } from '../endpoint.ts';
import { Email } from './account-fields.ts';

const NewAccount = Section(
  {
    email: Email,
    password: Type.String({
      description: 'Any characters. Composed and decomposed ones are the same.',
      minLength: SHORTEST_PASSWORD,
      maxLength: LONGEST_PASSWORD,
    }),
  },
  { description: 'An account to be created.' },
);

const WHO_MAY: Readonly<Record<Settings['accounts']['signup'], Access>> = {
  off: new Rejection('FORBIDDEN', 'Sign-up is off here. The administrator opens it with settings.accounts.signup.'),
  open: 'none',
  master_key: 'master_key',
};

export const signUpEndpoint = defineEndpoint({
  method: 'POST',
  path: '/v1/auth/signup',
  aliases: ['/v1/auth/register', '/api/v1/auth/signup', '/api/v1/auth/register'],
  planes: ['public'],
  auth: ({ accounts }) => WHO_MAY[accounts.signup],
  summary: 'Creates an account; 403 unless `settings.accounts.signup` allows it, 409 when the address is taken.',
  body: NewAccount,
  success: 201,
  response: Type.Object({
    id: Type.String(),
    email: Type.String({ description: 'The address as accounts are compared.' }),
    tier: Type.Optional(Type.String()),
  }),
  handle: async ({ context, config, exchange, body }) => {
    const { accounts } = config.settings;
    const by = accounts.signup === 'master_key' ? byMasterKey(exchange) : byActor(ANYBODY_ACTOR, exchange);
    const { id, email, tier } = await context.identity.signUps.signUp({ ...body, ...rightsOfNew(accounts) }, by);
    return { status: 201, json: { id, email, ...(tier === undefined ? {} : { tier }) } };
  },
});

/** Users cannot give themselves permissions: with open sign-up, accounts get only the configured ones. */
function rightsOfNew(accounts: Settings['accounts']) {
  return {
    tier: accounts.default_tier,
    permissions: accounts.default_permissions ?? (accounts.signup === 'open' ? [] : undefined),
    models: accounts.default_models,
    budget: accounts.default_budget || undefined,
  };
}
