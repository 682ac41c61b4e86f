import { Rejection } from '../../errors/rejection.ts';
import { holds } from '../../lib/wildcard-list.ts';
import { type AccessStep, defineAccessPolicy } from '../policy.ts';
import { type AuthorizeConfig, AuthorizeSchema } from './schema.ts';

const NOBODY = new Rejection('FORBIDDEN', 'This needs a credential.');
const OTHER_ROUTE = new Rejection('FORBIDDEN', 'This credential may not be used here.');

/**
 * Decides what an authenticated caller may do here: whether its credential is good for the route, and whether it has
 * the permissions the route needs. Models are judged when the body is read, by the model_routing policy.
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
  return {
    name: 'authorize',
    decide: ({ principal }) => {
      if (!principal) return isOpen ? undefined : NOBODY;
      if (principal.routes && !principal.routes.includes(route)) return OTHER_ROUTE;
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
