import type { RouteConfig } from '../config/gateway-config.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { AccessStep } from '../policies/policy.ts';

/** The last step of a route that answers itself; none for a route with a service. */
export function fixedAnswer({ redirect, respond }: Pick<RouteConfig, 'redirect' | 'respond'>): AccessStep[] {
  if (redirect) return [redirectStep(redirect)];
  return respond ? [respondStep(respond)] : [];
}

const OTHER_HOST = new Rejection('INVALID_PATH', 'The path cannot be carried into the redirect.');

function redirectStep({ to, status }: NonNullable<RouteConfig['redirect']>): AccessStep {
  return {
    name: 'redirect',
    decide: (exchange) => {
      const location = locationOf(to, exchange);
      // RFC 3986 section 4.2: two slashes begin a host, and the client would have chosen it.
      if (location.startsWith('//') && !to.startsWith('//')) return OTHER_HOST;
      return { status, headers: ['Location', location], body: undefined };
    },
  };
}

/** `/new/*` carries what the route's own `/*` took; the query is always carried. */
function locationOf(to: string, { params, edge }: Exchange): string {
  const carried = to.endsWith('/*') ? to.slice(0, -1) + (params['*'] ?? '') : to;
  return carried + edge.query;
}

function respondStep({ status, body, content_type }: NonNullable<RouteConfig['respond']>): AccessStep {
  const headers = ['Content-Type', content_type ?? 'text/plain; charset=utf-8'];
  return { name: 'respond', decide: () => ({ status, headers: body === '' ? [] : headers, body }) };
}
