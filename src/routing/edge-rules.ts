import type { GatewayConfig } from '../config/gateway-config.ts';
import type { Settings } from '../config/settings-schema.ts';
import { compileEdgeRules, type EdgeRules } from '../edge/edge.ts';
import { compileAddressSet } from '../lib/address-set.ts';

/** State that outlives every configuration. */
interface EdgeOfProcess {
  /** How this process signs its `Via` entries. */
  readonly viaPseudonym: string;
  /** The settings the sockets were opened with: a reload leaves sockets and their bounds as they are. */
  readonly opened: Pick<Settings, 'listen' | 'limits'>;
}

/** The settings of a configuration that the edge needs. */
export function edgeRulesFor({ settings, routes }: GatewayConfig, { viaPseudonym, opened }: EdgeOfProcess): EdgeRules {
  const headers = routes.flatMap(({ policies }) => (policies.auth ? [policies.auth.header.toLowerCase()] : []));
  const options = {
    trustProxy: compileAddressSet(settings.trust_proxy),
    credentialHeaders: new Set([...headers, 'authorization', 'x-master-key', 'openai-api-key']),
    viaPseudonym,
    limits: {
      targetBytes: opened.limits.header_bytes,
      headerBytes: opened.limits.header_bytes,
      headerCount: opened.limits.header_count,
    },
    scheme: opened.listen.tls ? ('https' as const) : ('http' as const),
  };
  return compileEdgeRules(options);
}
