import Type, { type Static } from 'typebox';
import { HeaderName, Section } from '../../lib/schema-atoms.ts';

export const AuthSchema = Section(
  {
    modes: Type.Array(Type.Enum(['api_key'], { description: 'One way to authenticate.' }), {
      description: 'Ways to authenticate that are accepted here.',
      default: ['api_key'],
      minItems: 1,
      uniqueItems: true,
    }),
    header: HeaderName({
      description: 'Header that carries the key. `Authorization: Bearer <key>` is accepted beside it.',
      default: 'X-API-Key',
    }),
    on_stale_feed: Type.Enum(['serve', 'closed'], {
      description:
        'What happens when revocations have not been readable for 60 s: `serve` keeps accepting known keys and raises an alarm, `closed` answers 503.',
      default: 'serve',
    }),
  },
  { description: 'Who may call. `false` opens the route to everybody and is listed in the start-up summary.' },
);

export type AuthConfig = Static<typeof AuthSchema>;
