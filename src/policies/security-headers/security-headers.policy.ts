import type { Exchange } from '../../exchange/exchange.ts';
import { defineAccessPolicy } from '../policy.ts';
import { type SecurityHeadersConfig, SecurityHeadersSchema } from './schema.ts';

/**
 * Headers that make browsers careful, on answers of the upstream and on the gateway's refusals alike. A header that the
 * upstream sends is its own decision and stays.
 */
export const securityHeadersPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'security_headers',
  schema: SecurityHeadersSchema,
  errors: [],
  create(config) {
    const always = linesOf(config);
    const secure = [...always, ...hstsOf(config)];
    const decide = (exchange: Exchange): undefined => {
      const lines = exchange.edge.scheme === 'https' ? secure : always;
      exchange.onHead((headers) => addMissing(headers, lines));
      return undefined;
    };
    return [{ name: 'security_headers', decide }];
  },
});

function linesOf(config: SecurityHeadersConfig): (readonly [name: string, value: string])[] {
  const lines: (readonly [string, string])[] = [
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Frame-Options', config.frame_options],
    ['Referrer-Policy', config.referrer_policy],
    ['Permissions-Policy', config.permissions_policy],
    ['Content-Security-Policy', config.content_security_policy],
  ];
  return lines.filter(([, value]) => value !== '');
}

/** RFC 6797 7.2 forbids it over plain HTTP. */
function hstsOf({ hsts }: SecurityHeadersConfig): (readonly [name: string, value: string])[] {
  return hsts === 0 ? [] : [['Strict-Transport-Security', `max-age=${Math.floor(hsts / 1_000)}`]];
}

function addMissing(headers: string[], lines: readonly (readonly [string, string])[]): void {
  const present = new Set<string>();
  for (let i = 0; i < headers.length; i += 2) present.add((headers[i] as string).toLowerCase());
  for (const [name, value] of lines) if (!present.has(name.toLowerCase())) headers.push(name, value);
}
