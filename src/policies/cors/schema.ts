import Type, { type Static } from 'typebox';
import { Duration, Section } from '../../lib/schema-atoms.ts';

export const CorsSchema = Section(
  {
    origins: Type.Array(Type.String({ pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^\\s/*]+|null)$' }), {
      description:
        'Origins that may read answers, such as `https://app.example`; `*` means any and excludes `credentials`.',
      minItems: 1,
      uniqueItems: true,
    }),
    methods: Type.Array(Type.String({ pattern: '^[A-Z]+$' }), {
      description: 'Methods a preflight allows.',
      default: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      uniqueItems: true,
    }),
    headers: Type.Array(Type.String({ minLength: 1 }), {
      description: 'Request headers a preflight allows. Empty allows what the preflight asks for.',
      default: [],
    }),
    credentials: Type.Boolean({
      description: 'Whether browsers may send cookies and HTTP authentication. Never together with origin `*`.',
      default: false,
    }),
    max_age: Duration({ description: 'How long a browser may remember a preflight.', default: '10m', maximum: '1d' }),
  },
  { description: 'Cross-origin access for browsers; off unless given.' },
);

export type CorsConfig = Static<typeof CorsSchema>;
