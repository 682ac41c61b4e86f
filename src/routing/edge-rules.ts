import type { GatewayConfig } from '../config/gateway-config.ts';
import { compileEdgeRules, type EdgeRules } from '../edge/edge.ts';
import { compileAddressSet } from '../lib/address-set.ts';

/** What the edge has to know of a configuration. `viaPseudonym` is how this process signs its `Via` entries. */
export function edgeRulesFor({ settings, routes }: GatewayConfig, viaPseudonym: string): EdgeRules {
  const headers = routes.flatMap(({ policies }) => (policies.auth ? [policies.auth.header.toLowerCase()] : []));
  const options = {
    trustProxy: compileAddressSet(settings.trust_proxy),
    credentialHeaders: new Set([...headers, 'authorization', 'x-master-key', 'openai-api-key']),
    viaPseudonym,
    limits: {
      targetBytes: settings.limits.header_bytes,
      headerBytes: settings.limits.header_bytes,
      headerCount: settings.limits.header_count,
    },
    scheme: settings.listen.tls ? ('https' as const) : ('http' as const),
  };
  return compileEdgeRules(options);
}
