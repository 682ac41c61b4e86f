import { Type } from '../../lib/schema-builder.ts';
import { LONGEST_LIFE_MS } from '../../identity/tokens/token-claims.ts';
import type { RevokedSubject } from '../../identity/tokens/revocations.ts';
import { Instant, Section } from '../../lib/schema-atoms.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint, InstantText, instantText } from '../endpoint.ts';
import { refuseField } from '../read-input.ts';

const KINDS = ['jti', 'family', 'consumer'] as const;

const Subject = (description: string) =>
  Type.Optional(
    Type.String({
      description,
      pattern: '^[^\\u0000-\\u001f\\u007f]{1,300}$',
      'x-form': 'up to 300 characters without control characters',
    }),
  );

const Target = Section(
  {
    jti: Subject('The one token with this `jti`.'),
    family: Subject('All tokens of one login.'),
    consumer: Subject(
      'All tokens this consumer has been given so far, by its id; `<alias>:<sub>` for one of another issuer.',
    ),
    expires_at: Type.Optional(
      Instant({
        description:
          'When the tokens have expired by themselves and the revocation may be forgotten. Default: 366 days.',
      }),
    ),
  },
  { description: 'What to revoke: exactly one of `jti`, `family` and `consumer`.' },
);

export const revokeTokensEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/tokens/revoke',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Revokes access tokens; in force on every gateway within 2 s. Keys are not touched.',
  body: Target,
  response: Type.Object({
    kind: Type.Enum([...KINDS], { description: 'What was named.' }),
    subject: Type.String({ description: 'Its name.' }),
    revoked_at: InstantText('Since when they are refused.'),
    expires_at: InstantText('Until when this is remembered.'),
  }),
  handle: async ({ context, exchange, body }) => {
    const { expires_at, ...subjects } = body;
    const [kind, subject] = onlyOne(subjects);
    const now = context.deps.clock.now();
    const until = expires_at ?? now + LONGEST_LIFE_MS;
    if (until <= now) refuseField('expires_at', 'must lie in the future');
    const target = { [kind]: subject } as unknown as RevokedSubject;
    await context.identity.tokens.revocations.revoke({ ...target, until }, byMasterKey(exchange));
    return {
      status: 200,
      json: { kind, subject, revoked_at: instantText(now), expires_at: instantText(until) },
    };
  },
});

function onlyOne(subjects: { readonly [K in (typeof KINDS)[number]]?: string }): [(typeof KINDS)[number], string] {
  const given = KINDS.flatMap((kind): [(typeof KINDS)[number], string][] => {
    const subject = subjects[kind];
    return subject === undefined ? [] : [[kind, subject]];
  });
  return given.length === 1 && given[0] ? given[0] : refuseField('jti', 'name exactly one of jti, family and consumer');
}
