import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, HeaderName, Method, Section } from '../../lib/schema-atoms.ts';

const Origin = Type.String({
  pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^\\s/*]+|null)$',
  'x-form': 'an origin such as https://app.example, or *',
});

export const CorsSchema = Section(
  {
    origins: Type.Array(Origin, {
      description:
        'Origins that may read responses, such as `https://app.example`; `*` means any and excludes `credentials`.',
      minItems: 1,
      uniqueItems: true,
    }),
    methods: Type.Array(Method(), {
      description: 'Methods a preflight allows.',
      default: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      uniqueItems: true,
    }),
    headers: Type.Array(HeaderName(), {
      description: 'Request headers a preflight allows. Empty allows what the preflight asks for.',
      default: [],
    }),
    credentials: Type.Boolean({
      description: 'Whether browsers may send cookies and HTTP authentication. Never together with origin `*`.',
      default: false,
    }),
    max_age: Duration({ description: 'How long a browser may remember a preflight.', default: '10m', maximum: '1d' }),
  },
  { description: 'Cross-origin access for browsers. Off by default.' },
);

export type CorsConfig = Static<typeof CorsSchema>;
