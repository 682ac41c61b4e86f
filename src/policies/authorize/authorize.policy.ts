import { Rejection } from '../../errors/rejection.ts';
import { holds } from '../../lib/wildcard-list.ts';
import { type AccessStep, defineAccessPolicy } from '../policy.ts';
import { type AuthorizeConfig, AuthorizeSchema } from './schema.ts';

const NOBODY = new Rejection(
  'FORBIDDEN',
  'This route asks for permissions or models. Send a credential that has them.',
);

/**
 * Decides whether an authenticated caller may use this route: the credential must be valid for the route and have the
 * permissions that the route needs. The model_routing policy checks models once the body has been read.
 */
export const authorizePolicy = defineAccessPolicy({
  name: 'authorize',
  phase: 'access',
  schema: AuthorizeSchema,
  errors: ['FORBIDDEN'],
  create: (config, _deps, at) => [createRightsStep(config, at.route)],
});

export function createRightsStep({ permissions, models }: AuthorizeConfig, route: string): AccessStep {
  const isOpen = permissions.length === 0 && models.length === 0;
  const otherRoute = new Rejection('FORBIDDEN', `This credential is limited to other routes than "${route}".`);
  return {
    name: 'authorize',
    decide: ({ principal }) => {
      if (!principal) return isOpen ? undefined : NOBODY;
      if (principal.routes && !principal.routes.includes(route)) return otherRoute;
      const missing = permissions.filter((permission) => !holds(principal.permissions, permission));
      return missing.length === 0 ? undefined : refuseMissing(missing);
    },
  };
}

/** RFC 6750 section 3.1. */
function refuseMissing(missing: readonly string[]): Rejection {
  const detail = `Missing permission: ${missing.join(', ')}.`;
  const challenge = `Bearer realm="turnpike", error="insufficient_scope", scope="${missing.join(' ')}"`;
  return new Rejection('FORBIDDEN', detail, { headers: { 'WWW-Authenticate': challenge } });
}
