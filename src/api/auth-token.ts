import { Type } from '../lib/schema-builder.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { ANYBODY_ACTOR, MASTER_KEY_ACTOR } from '../identity/audit/audit-context.ts';
import { Section } from '../lib/schema-atoms.ts';
import { NameText, PermissionList } from './admin/key-fields.ts';
import { byActor } from './audit-context.ts';
import { defineEndpoint } from './endpoint.ts';
import { refuseField } from './read-input.ts';

const ModelName = Type.String({
  pattern: '^[^\\s\\u0000-\\u001f\\u007f]{1,200}$',
  'x-form': 'the name of a model, `*` at the end for any rest',
});

const WantedToken = Section(
  {
    username: NameText(
      'Who is to call: id or name of a consumer, or a name that is not stored anywhere. 409 for the address of an account that registered itself: name it by its id.',
    ),
    lob: Type.Optional(NameText('Line of business.')),
    models: Type.Optional(
      Type.Array(ModelName, { description: 'Narrows the models the caller may use.', maxItems: 100 }),
    ),
    permissions: Type.Optional(PermissionList('Narrows what the caller may do.')),
    rate_limit: Type.Optional(
      Type.Integer({
        description: 'For limits with `limit_claim: rate_limit`. It lowers them and never raises them.',
        minimum: 1,
        maximum: 1_000_000_000,
      }),
    ),
  },
  { description: 'What the token is to say.' },
);

export const authTokenEndpoint = defineEndpoint({
  method: 'POST',
  path: '/auth/token',
  planes: ['public'],
  auth: (_settings, { opensTokenEndpoint }) => (opensTokenEndpoint ? 'none' : 'master_key'),
  summary:
    'Issues an access token to whoever holds the master key; at a start with `--dev` and `DEBUG=true` to everybody.',
  body: WantedToken,
  response: Type.Object({
    access_token: Type.String(),
    token_type: Type.Enum(['bearer']),
    expires_in: Type.Integer({ description: 'Seconds.' }),
  }),
  handle: async ({ context, config, exchange, body }) => {
    const { username, rate_limit: rateLimit, ...claims } = body;
    refuseForeignName(username, config);
    const { audit, tokens, consumers } = context.identity;
    await consumers.checkSubject(username);
    const { token, expiresInSeconds } = await tokens.issuer.issueAccess({
      ...claims,
      rateLimit,
      consumer: { id: username },
    });
    const actor = context.opensTokenEndpoint ? ANYBODY_ACTOR : MASTER_KEY_ACTOR;
    const after = { ...claims, rate_limit: rateLimit, expires_in: expiresInSeconds };
    await audit.note(byActor(actor, exchange), { action: 'token.issue', subject: username, after });
    return { status: 200, json: { access_token: token, token_type: 'bearer' as const, expires_in: expiresInSeconds } };
  },
});

/** The token would not be accepted: only its issuer speaks for `<alias>:<sub>`. */
function refuseForeignName(username: string, { auth }: GatewayConfig): void {
  const issuer = auth.jwt.issuers.find(({ alias }) => username.startsWith(`${alias}:`));
  if (issuer) refuseField('username', `names a caller of the issuer ${issuer.alias}`);
}
