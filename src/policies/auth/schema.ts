import { type Static, Type } from '../../lib/schema-builder.ts';
import { HeaderName, Section } from '../../lib/schema-atoms.ts';

export const AuthSchema = Section(
  {
    modes: Type.Optional(
      Type.Array(Type.Enum(['api_key', 'jwt'], { description: 'One way to authenticate.' }), {
        description:
          'Ways to authenticate that are accepted here: `api_key`, `jwt` or both. Default: `api_key`, and `jwt` where `auth.jwt` has a secret or an issuer.',
        minItems: 1,
        uniqueItems: true,
      }),
    ),
    header: HeaderName({
      description:
        'Header that carries the key. `Authorization: Bearer <key>` is accepted as well; tokens are always sent there.',
      default: 'X-API-Key',
    }),
    token_in_query: Type.Boolean({
      description:
        'Whether a WebSocket may bring its key or token as `?access_token=`. It is not forwarded or logged here, but other programs log addresses: prefer `Sec-WebSocket-Protocol: bearer, <key>`, which is always accepted. Other requests never bring one in their address.',
      default: false,
    }),
    on_stale_feed: Type.Enum(['serve', 'closed'], {
      description:
        'What happens when revocations have not been readable for 60 s: `serve` keeps accepting known keys and raises an alarm, `closed` answers 503.',
      default: 'serve',
    }),
  },
  {
    description:
      'Who may call. `false` opens the route to everybody, and the start-up summary lists it. Even there, a key of this gateway is not forwarded unless `headers.forward_credentials` is set.',
  },
);

export type AuthConfig = Static<typeof AuthSchema>;
