import type { RouteConfig } from '../config/gateway-config.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { AccessStep } from '../policies/policy.ts';

/** The last step of a route that answers itself; none for a route with a service. */
export function fixedAnswer({ redirect, respond }: Pick<RouteConfig, 'redirect' | 'respond'>): AccessStep[] {
  if (redirect) return [redirectStep(redirect)];
  return respond ? [respondStep(respond)] : [];
}

function redirectStep({ to, status }: NonNullable<RouteConfig['redirect']>): AccessStep {
  return {
    name: 'redirect',
    decide: (exchange) => ({ status, headers: ['Location', locationOf(to, exchange)], body: undefined }),
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
