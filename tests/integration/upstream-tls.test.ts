// One name and one trust for everything that connects to a target: requests, health checks and WebSockets.
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { authority, served } from '../support/certificates.ts';
import { until } from '../support/poll.ts';
import { sendRaw } from '../support/raw-client.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: Server;
let gateway: TestGateway;
/** The name each request asked for in its TLS handshake; false for none. */
const names: unknown[] = [];

beforeAll(async () => {
  upstream = createServer(served, (req, res) => {
    names.push((req.socket as TLSSocket & { servername?: unknown }).servername);
    res.end('secure');
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  const health = '{ path: /, interval: 100ms, unhealthy_after: 1 }';
  const target = (host: string, more = ''): string =>
    `targets: [{ url: "https://${host}:${port}", tls: { ca: "${authority.path}"${more} } }]`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
defaults: { auth: false, retry: false }
services:
  by_host: { ${target('localhost')}, health: ${health} }
  by_address: { ${target('127.0.0.1')} }
  by_name: { ${target('127.0.0.1', ', server_name: localhost')}, health: ${health} }
  preserving: { ${target('localhost')}, headers: { preserve_host: true } }
  other_name: { ${target('localhost', ', server_name: other.test')}, health: ${health} }
`);
});
beforeEach(() => void names.splice(0));
afterAll(async () => {
  await gateway.close();
  upstream.closeAllConnections();
  upstream.close();
});

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: evil.test\r\n\r\n`;

describe('the name asked for and verified', () => {
  test.each([
    ['by_host', 'localhost'],
    ['by_address', false],
    ['by_name', 'localhost'],
    ['preserving', 'localhost'],
  ])('of %s is %j', async (service, name) => {
    for (let i = 0; i < 2; i++)
      expect(await sendRaw(gateway.url, get(`/${service}/x`))).toMatchObject({ status: 200, text: 'secure' });
    expect(names.filter((seen) => seen === name).length).toBeGreaterThanOrEqual(2);
  });

  test('is server_name and not the host of the url, for requests and for health checks', async () => {
    expect(await sendRaw(gateway.url, get('/other_name/x'))).toMatchObject({
      text: expect.stringMatching(/UPSTREAM_ERROR|NO_HEALTHY/),
    });
    await until(() => gateway.gateway.services.get('other_name')?.targets[0]?.isHealthy === false);
    for (const service of ['by_host', 'by_name'])
      expect(gateway.gateway.services.get(service)?.targets[0]?.isHealthy).toBe(true);
  });
});
