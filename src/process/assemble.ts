// Room process: opens, composes, reloads and shuts down a gateway, in one process or several.
// In it: dependencies, sockets, reload, shutdown, the fleet of workers.
// Never in it: what happens to a single request.

import { createOwnEndpoints } from '../api/own-endpoints.ts';
import type { LoadedConfig, LoadOptions } from '../config/load.ts';
import type { OpenDependencies } from './open-dependencies.ts';
import { Gateway } from '../gateway.ts';
import { PageFiles } from '../openapi/page-files.ts';
import type { FleetMember } from './fleet/fleet-member.ts';
import { Reloader } from './reload.ts';
import { RevokedExchanges } from './revoked-exchanges.ts';
import { Sockets } from './sockets.ts';
import type { StartKeys } from './start-keys.ts';

interface Parts {
  readonly options: LoadOptions & { readonly version: string };
  readonly loaded: LoadedConfig;
  readonly keys: StartKeys;
  readonly deps: OpenDependencies;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly fleet: FleetMember | undefined;
}

/** A gateway put together and not yet listening. */
export interface Assembly {
  readonly gateway: Gateway;
  readonly reloader: Reloader;
  readonly sockets: Sockets;
}

/** Puts the gateway together. Throws, and leaves nothing running, when the configuration cannot be compiled. */
export function assemble({ options, loaded, keys, deps, startedAt, fleet }: Parts): Assembly {
  const own = createOwnEndpoints({
    deps,
    identity: deps.identity,
    gateway: () => gateway,
    masterKeys: keys.masterKeys,
    isDevelopment: options.dev ?? false,
    opensTokenEndpoint: (options.dev ?? false) && loaded.env.debug,
    reload: async (by) => {
      const outcome = await reloader.reload(by);
      if (outcome.ok) fleet?.announceReload();
      return outcome;
    },
    renderMetrics: (...wish) => (fleet ?? deps.metrics).render(...wish),
    degraded: () => deps.degradations.list(),
    stores: () => deps.degradations.stores(),
    pageFiles: new PageFiles(),
    startedAt,
    configLoadedAt: () => reloader.loadedAt,
    version: options.version,
  });
  const gateway: Gateway = new Gateway(loaded.config, own, deps);
  const revoked = new RevokedExchanges({
    running: gateway.running,
    find: {
      api_key: (presented, from) => deps.directory.find(presented, from),
      token: (presented, from) => deps.tokens.directory.find(presented, from),
    },
    end: (exchange) => gateway.endRevoked(exchange),
  });
  deps.identity.feed.follow(revoked.note);
  const sockets = new Sockets(gateway, deps);
  const reloader: Reloader = new Reloader(options, { gateway, sockets, deps, revoked, started: loaded });
  return { gateway, reloader, sockets };
}
