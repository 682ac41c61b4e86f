// Room openapi: describes the endpoints and the routes of a configuration as an OpenAPI document.
// In it: schemas, operations, the files of the API page.
// Never in it: the running gateway.

import type { GatewayConfig, RouteConfig } from '../config/gateway-config.ts';
import { Components } from './components.ts';
import { addOwnOperation, type OwnOperation } from './own-operations.ts';
import { Paths } from './paths.ts';
import { addRoutes } from './route-operations.ts';

interface Described {
  readonly config: GatewayConfig;
  /** Those that can be reached where the document is read. */
  readonly routes: readonly RouteConfig[];
  readonly operations: readonly OwnOperation[];
  readonly version: string;
}

/**
 * The OpenAPI 3.1 document of what a gateway serves: its own endpoints, then its routes. It holds nothing that callers
 * could not find out: no secret, no address of an upstream, no value of a header that a route asks for.
 */
export function describeGateway({ config, routes, operations, version }: Described): object {
  const components = new Components();
  const paths = new Paths();
  for (const operation of operations) addOwnOperation(operation, config.settings.dialect, { paths, components });
  addRoutes(routes, config, { paths, components });
  return {
    openapi: '3.1.1',
    info: { title: 'Turnpike', version, description: 'What this gateway serves: its own endpoints and its routes.' },
    servers: [{ url: '/' }],
    tags: paths.tags(),
    paths: paths.items(),
    components: components.all(),
  };
}
