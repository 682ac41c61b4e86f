// Every row of the table of faults, provoked on real sockets: what the client is told, and what the breaker hears.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { FailureKind } from '../../src/upstream/attempt.ts';
import { FAULTS } from '../../src/upstream/fault-table.ts';
import { served } from '../support/certificates.ts';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/poll.ts';
import { connectRaw, type RawConnection } from '../support/raw-client.ts';
import { answerOk, type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: RawUpstream;
let gateway: TestGateway;
/** Nobody has said that its certificate is to be trusted. */
const untrusted = createServer(served);

const STATUS_OF = { UPSTREAM_ERROR: 502, UPSTREAM_INVALID_RESPONSE: 502, UPSTREAM_TIMEOUT: 504 } as const;

beforeAll(async () => {
  upstream = await startRawUpstream();
  await once(untrusted.listen(0, '127.0.0.1'), 'listening');
  const breaker = '{ min_requests: 1, error_percent: 1, window: 10s, open_for: 1m }';
  const service = (url: string, more = ''): string =>
    `{ url: "${url}", auth: false, retry: false, circuit_breaker: ${breaker}${more} }`;
  const narrow = `{ targets: [{ url: "${upstream.url}", max_connections: 1 }], auth: false, retry: false, circuit_breaker: ${breaker} }`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, limits: { upstream_header_bytes: 4KiB } }
services:
  refused: ${service(`http://127.0.0.1:${await findFreePort()}`)}
  dns: ${service('http://nobody.invalid')}
  tls: ${service(`https://localhost:${(untrusted.address() as AddressInfo).port}`)}
  connect_timeout: ${service(upstream.url.replace('http', 'https'), ', timeout: { connect: 50ms }')}
  write_timeout: ${service(upstream.url, ', timeout: { idle: 150ms }, body_limit: 64MiB')}
  first_byte_timeout: ${service(upstream.url, ', timeout: { first_byte: 50ms }')}
  total_timeout: ${service(upstream.url, ', timeout: { total: 100ms }')}
  reset: ${service(upstream.url)}
  invalid_response: ${service(upstream.url)}
  head_too_large: ${service(upstream.url)}
  client_aborted: ${service(upstream.url)}
  request_body: ${service(upstream.url, ', body_limit: 4')}
  overloaded: ${narrow}
  circuit_open: ${service(upstream.url)}
`);
});
beforeEach(() => upstream.play(answerOk));
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  untrusted.close();
});

const get = (service: string): string => `GET /${service}/x HTTP/1.1\r\nHost: g\r\n\r\n`;
const silent: Script = () => {};
const writes =
  (bytes: string): Script =>
  async (call) => {
    await call.received;
    await call.write(bytes);
  };

interface Provocation {
  readonly script?: Script;
  /** Sends what provokes it, and more where that is needed; the answer is read afterwards. */
  readonly provoke?: (client: RawConnection, service: string) => Promise<void>;
}

/** `internal` is a bug of the gateway and cannot be provoked from outside. */
const PROVOCATIONS: Record<Exclude<FailureKind, 'internal'>, Provocation> = {
  refused: {},
  dns: {},
  tls: {},
  connect_timeout: {},
  write_timeout: {
    script: ({ socket }) => void socket.pause(),
    provoke: async (client, service) => {
      const length = 32 * 1024 * 1024;
      await client.send(`POST /${service}/x HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n`);
      void client.send(Buffer.alloc(length, 'x')).catch(() => {});
    },
  },
  first_byte_timeout: { script: silent },
  total_timeout: { script: silent },
  reset: { script: (call) => call.reset() },
  invalid_response: { script: writes('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n') },
  head_too_large: { script: writes(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(5_000)}\r\n\r\n`) },
  client_aborted: {
    script: silent,
    provoke: async (client, service) => {
      const before = upstream.requests.length;
      await client.send(get(service));
      await until(() => upstream.requests.length > before);
      client.destroy();
    },
  },
  request_body: {
    script: silent,
    provoke: (client, service) =>
      client.send(`POST /${service}/x HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ntoo long\r\n`),
  },
  overloaded: {
    script: silent,
    provoke: async (client, service) => {
      const other = await connectRaw(gateway.url);
      const before = upstream.requests.length;
      await other.send(get(service));
      await until(() => upstream.requests.length > before);
      await client.send(get(service));
      await until(() => client.bytes.length > 0);
      other.destroy();
    },
  },
  circuit_open: {
    script: (call) => call.reset(),
    provoke: async (client, service) => {
      await client.send(get(service));
      await client.read();
      await client.send(get(service));
    },
  },
};

const failuresOf = (service: string): unknown[] =>
  gateway.logged.filter((line) => line['service'] === service).map((line) => line['failures']);

test.each(Object.entries(PROVOCATIONS))('%s', async (kind, { script, provoke }) => {
  const fault = FAULTS[kind as FailureKind];
  if (script) upstream.play(script);
  const client = await connectRaw(gateway.url);
  if (provoke) await provoke(client, kind);
  else await client.send(get(kind));
  if (kind !== 'client_aborted') {
    const answer = await client.read();
    const status = STATUS_OF[fault.code as keyof typeof STATUS_OF];
    expect(answer).toMatchObject(
      fault.by === 'upstream'
        ? { status, text: expect.stringContaining(fault.detail) }
        : { status: expect.any(Number) },
    );
    expect(answer.status).toBeGreaterThanOrEqual(400);
  }
  client.destroy();
  await until(() => failuresOf(kind).length > 0);
  // The breaker opens with the first failure it hears of.
  const [target] = gateway.gateway.services.get(kind)?.targets ?? [];
  await until(() => target?.inFlight === 0);
  expect(target?.isAdmitting).toBe(kind === 'circuit_open' ? false : fault.by !== 'upstream');
});

test('every kind of failure has a row that says when', () => {
  for (const { when, detail } of Object.values(FAULTS)) expect([when, detail].every((text) => text !== '')).toBe(true);
});
