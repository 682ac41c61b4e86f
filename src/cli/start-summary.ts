import type { GatewayConfig } from '../config/gateway-config.ts';
import type { RunningGateway } from '../main.ts';

type Started = Pick<RunningGateway, 'keys' | 'loaded' | 'log'> & {
  /** Address of the database without its password. */
  readonly database: string;
};

/** Logs what has been started, which routes are open to everybody, and anything an operator may not expect. */
export function logSummary({ loaded, log, database, keys }: Started, dev: boolean): void {
  const { config, env } = loaded;
  const facts = {
    services: Object.keys(config.services),
    routes: config.routes.length,
    open_routes: config.routes.filter(isOpen).map(({ name }) => name),
    only_by_routes: withoutDefaultRoutes(config),
    database,
    counters: env.redisUrl ? 'redis' : 'memory',
  };
  log.info(facts, 'configuration in force');
  if (keys.masterKeys.length === 0) log.warn('MASTER_KEY is not set: the administration interface is off');
  if (!env.redisUrl && !dev) log.warn('REDIS_URL is not set: each gateway counts limits by itself');
}

/** Routes that lead to a service and ask for no credential. */
function isOpen({ service, policies }: GatewayConfig['routes'][number]): boolean {
  return service !== undefined && policies.auth === false;
}

/** Services that can only be reached as `routes` say: `/<name>` and `/service/<name>` do not exist for them. */
function withoutDefaultRoutes({ services, routes }: GatewayConfig): string[] {
  const implied = new Set(routes.filter((route) => route.implied).map(({ service }) => service));
  return Object.keys(services).filter((name) => !implied.has(name));
}
