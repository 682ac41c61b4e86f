import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { authority, renewed, served } from '../support/certificates.ts';
import { until } from '../support/poll.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

const folder = mkdtempSync(join(tmpdir(), 'turnpike-tls-'));
const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
let upstream: Server;
let gateway: TestGateway;
const protocols: (string | false | null)[] = [];

function writeFiles({ cert, key }: typeof served): void {
  writeFileSync(files.key, key);
  writeFileSync(files.cert, cert);
}

beforeAll(async () => {
  writeFiles(served);
  upstream = createServer({ ...served, ALPNProtocols: ['h2', 'http/1.1'] }, (req, res) => {
    protocols.push((req.socket as TLSSocket).alpnProtocol);
    res.end(`secure ${String(req.headers['x-forwarded-proto'])}`);
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const url = `https://localhost:${(upstream.address() as AddressInfo).port}`;
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN}, listen: { tls: { cert: ${files.cert}, key: ${files.key} } } }
services:
  trusted: { targets: [{ url: "${url}", tls: { ca: ${authority.path} } }] }
  untrusted: { url: "${url}" }
`);
});

afterAll(async () => {
  await gateway.close();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

function get(path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'X-API-Key': API_KEY };
    request(gateway.url + path, { ca: authority.pem, headers, agent: false }, (res) => {
      let text = '';
      res
        .on('data', (chunk) => (text += String(chunk)))
        .on('end', () => resolve({ status: res.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

function commonName(): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port, hostname } = new URL(gateway.url);
    const socket = connect({ port: Number(port), host: hostname, ca: authority.pem }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    }).on('error', reject);
  });
}

test('serves HTTPS and calls an upstream whose certificate the given authority signed, over HTTP/1.1', async () => {
  expect(gateway.url).toMatch(/^https:/);
  expect(await get('/trusted/x')).toEqual({ status: 200, text: 'secure https' });
  expect(protocols).toEqual(['http/1.1']);
});

test('an upstream nobody vouches for is 502, whatever it would have answered', async () => {
  const answer = await get('/untrusted/x');
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.text)).toMatchObject({ detail: 'No trusted TLS connection to the upstream was possible.' });
});

test('a renewed certificate is served without a restart, and a broken one is not', async () => {
  expect(await commonName()).toBe('localhost');
  writeFiles(renewed);
  await until(async () => (await commonName()) === 'renewed');
  writeFileSync(files.cert, 'nonsense');
  await until(() => gateway.logged.some((line) => String(line['msg']).includes('cannot be used')));
  expect(await commonName()).toBe('renewed');
  expect(gateway.deps.degradations.list()).toContain('certificate_reload_failed');
  expect(await gateway.metrics()).toContain('gateway_degraded{reason="certificate_reload_failed"} 1');
  expect(await gateway.reloader.reload()).toMatchObject({ ok: false, problems: [expect.stringContaining('tls')] });
  writeFiles(renewed);
  await until(() => !gateway.deps.degradations.list().includes('certificate_reload_failed'));
  expect(await gateway.reloader.reload()).toMatchObject({ ok: true });
  expect(gateway.deps.degradations.list()).toEqual([]);
});
