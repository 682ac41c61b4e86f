import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer } from 'node:net';
import type { Settings } from '../config/settings-schema.ts';
import type { OpenDependencies } from './open-dependencies.ts';
import type { Gateway } from '../gateway.ts';
import { compileAddressSet } from '../lib/address-set.ts';
import { createListener } from './listener.ts';
import { ListenerCertificate, readTls, type TlsFiles } from './listener-certificate.ts';
import type { Plane } from '../edge/plane.ts';

interface SocketPlace {
  readonly plane: Plane;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsFiles | undefined;
}

/** The listening sockets of one gateway: the public one and, where configured, those of administration and metrics. */
export class Sockets {
  private readonly gateway: Gateway;
  private readonly deps: Pick<OpenDependencies, 'log' | 'degradations'>;
  private readonly servers: { readonly plane: Plane; readonly server: Server }[] = [];
  private readonly certificates: ListenerCertificate[] = [];

  constructor(gateway: Gateway, deps: Pick<OpenDependencies, 'log' | 'degradations'>) {
    this.gateway = gateway;
    this.deps = deps;
  }

  /** Rejects with Node's error (`EADDRINUSE`, `EACCES`) when a socket cannot be had; none stays open then. */
  async open(settings: Settings): Promise<void> {
    try {
      for (const place of placesOf(settings)) await this.listen(place, settings);
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  /** Address and port of a plane's socket; `undefined` when it has none of its own. */
  addressOf(plane: Plane): AddressInfo | undefined {
    const found = this.servers.find((entry) => entry.plane === plane);
    return (found?.server.address() ?? undefined) as AddressInfo | undefined;
  }

  /** Reads the certificates again, whether or not a change of them was noticed. */
  renewCertificates(): void {
    for (const certificate of this.certificates) certificate.renew();
  }

  /** No new connections, which another process takes; those that exist are left as they are, also the silent ones. */
  leave(): void {
    // Node's own way of closing an HTTP server cuts open connections that have not sent anything yet.
    for (const { server } of this.servers) NetServer.prototype.close.call(server);
  }

  /** No new connections; idle ones close, busy ones close after their answer. */
  stopAccepting(): void {
    for (const certificate of this.certificates) certificate.stop();
    for (const { server } of this.servers) {
      server.close();
      server.closeIdleConnections();
    }
  }

  /** Closes everything now. */
  destroy(): void {
    this.stopAccepting();
    for (const { server } of this.servers) server.closeAllConnections();
  }

  private async listen(place: SocketPlace, settings: Settings): Promise<void> {
    const { gateway } = this;
    const server = createListener(settings.limits, place.tls && readTls(place.tls), {
      onRequest: (req, res, connection) => gateway.handle(req, res, connection, place.plane),
      // Only the public plane has routes, and only routes take WebSockets.
      onUpgrade:
        place.plane === 'public'
          ? (req, socket, head, connection) => gateway.handleUpgrade(req, socket, head, connection)
          : undefined,
      onUnparsed: (code, reason, peer) => gateway.answerUnparsed(code, reason, peer),
      isTrustedPeer: compileAddressSet(settings.trust_proxy),
      onDropped: () =>
        this.deps.log.warn(
          { plane: place.plane },
          'a connection was dropped: settings.limits.connections or connections_per_address is reached',
        ),
      onEscape: gateway.reportEscape,
    });
    server.listen(place.port, place.host);
    await once(server, 'listening');
    this.servers.push({ plane: place.plane, server });
    if (!place.tls) return;
    const certificate = new ListenerCertificate(server as TlsServer, place.tls, this.deps);
    this.certificates.push(certificate);
    await certificate.follow();
  }
}

function placesOf({ listen, admin, metrics }: Settings): SocketPlace[] {
  const places: SocketPlace[] = [{ plane: 'public', host: listen.host, port: listen.port, tls: listen.tls }];
  if (admin.listen) places.push({ plane: 'admin', ...admin.listen, tls: undefined });
  if (metrics.port !== undefined)
    places.push({ plane: 'metrics', host: listen.host, port: metrics.port, tls: undefined });
  return places;
}
