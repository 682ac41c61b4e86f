import type { UpstreamPlan } from '../exchange/exchange.ts';
import type { CompiledRoute } from './compiled-route.ts';

/** Where a request goes: to a configured route, or to the gateway's own endpoints. */
export type Destination =
  | {
      readonly kind: 'route';
      readonly route: CompiledRoute;
      /** The same route for the paths of the Messages API, which may have a dialect of their own. */
      readonly forMessages: CompiledRoute;
      readonly plan: UpstreamPlan | undefined;
    }
  | { readonly kind: 'own' };
