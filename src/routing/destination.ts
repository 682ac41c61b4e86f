import type { UpstreamPlan } from '../exchange/exchange.ts';
import type { CompiledRoute } from './compiled-route.ts';

/** Where a request goes: to a configured route, or to the gateway's own endpoints. */
export type Destination =
  | {
      readonly kind: 'route';
      readonly route: CompiledRoute;
      /** The same route as it stands to the paths of the Messages API: it may have a dialect of its own for them. */
      readonly forMessages: CompiledRoute;
      readonly plan: UpstreamPlan | undefined;
    }
  | { readonly kind: 'own' };
