import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, Section } from '../../lib/schema-atoms.ts';

const Value = (description: string, value: string) =>
  Type.String({ description, default: value, pattern: '^[\\t -~]*$', 'x-form': 'ASCII text on one line' });

export const SecurityHeadersSchema = Section(
  {
    frame_options: Value('`X-Frame-Options`; empty sends none.', 'DENY'),
    referrer_policy: Value('`Referrer-Policy`; empty sends none.', 'strict-origin-when-cross-origin'),
    permissions_policy: Value(
      '`Permissions-Policy`; empty sends none.',
      'camera=(), geolocation=(), microphone=(), payment=()',
    ),
    content_security_policy: Value('`Content-Security-Policy`; empty sends none.', ''),
    hsts: Duration({
      description: '`Strict-Transport-Security: max-age`, sent to clients that came over HTTPS only; 0 sends none.',
      default: '180d',
      minimum: '0s',
      maximum: '730d',
    }),
  },
  {
    description:
      'Headers that make browsers careful, on every answer of the route: `X-Content-Type-Options: nosniff` and the ones below. What the upstream says itself stays. `true` takes the defaults; off unless given.',
  },
);

export const SecurityHeadersShorthand = Type.Unsafe<true>({ enum: [true], description: 'With all defaults.' });

export type SecurityHeadersConfig = Static<typeof SecurityHeadersSchema>;
