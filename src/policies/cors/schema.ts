import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, HeaderName, Method, Section } from '../../lib/schema-atoms.ts';

const Origin = Type.String({
  pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^\\s/*]+|null)$',
  'x-form': 'an origin such as https://app.example, or *',
});

/** Without these a page cannot see why it was refused, nor for how long. */
const EXPOSED_BY_DEFAULT = [
  'Retry-After',
  'X-Request-Id',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit',
  'RateLimit-Policy',
  'X-RateLimit-Limit-Requests',
  'X-RateLimit-Remaining-Requests',
  'X-RateLimit-Reset-Requests',
  'X-RateLimit-Limit-Tokens',
  'X-RateLimit-Remaining-Tokens',
  'X-RateLimit-Reset-Tokens',
  'X-Gateway-Model',
  'X-Gateway-Attempts',
  'X-Gateway-Cost',
  'Idempotency-Replayed',
];

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
    expose_headers: Type.Array(HeaderName(), {
      description:
        'Response headers that scripts may read, on refusals as well. The default names what tells a client about its limits, its request and the model that answered. Headers that the upstream exposes stay exposed.',
      default: EXPOSED_BY_DEFAULT,
      uniqueItems: true,
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
