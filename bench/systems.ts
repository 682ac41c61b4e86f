import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fullPolicies, KEYS } from './gateway-config.ts';
import type { Load } from './load.ts';
import { freePort, HARNESS_CORE, isInstalled, listening, spawnPinned, SYSTEM_CORE } from './processes.ts';

const root = join(import.meta.dirname, '..');

/** What is started around the measured systems. */
export interface Surroundings {
  readonly upstream: string;
  readonly redis: string | undefined;
  /** Scratch folder, removed after the run. */
  readonly folder: string;
  /** Every process of the run; all are killed at its end. */
  readonly children: ChildProcess[];
}

/** One row of the table. Rows may share a process. */
export interface System {
  readonly name: string;
  /** Rows with the same process name are answered by one process. */
  readonly process: string;
  /** Why it cannot run here; `undefined` = it can. */
  readonly missing: string | undefined;
  start(around: Surroundings): Promise<{ url: string; pid: number }>;
  load(url: string): Load;
}

/** Starts the upstream every system forwards to: nginx when there is one, since it is the cheapest, else node:http. */
export async function startUpstream(folder: string, children: ChildProcess[]): Promise<string> {
  const port = await freePort();
  const child = isInstalled('nginx')
    ? spawnNginx(HARNESS_CORE, folder, 'upstream', upstreamServer(port))
    : spawnPinned({ core: HARNESS_CORE, command: process.execPath, args: [peerFile('upstream'), String(port)] });
  children.push(child);
  return (await listening(child, port)).url;
}

export async function startRedis(folder: string, children: ChildProcess[]): Promise<string | undefined> {
  if (!isInstalled('redis-server')) return undefined;
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  children.push(spawnPinned({ core: HARNESS_CORE, command: 'redis-server', args }));
  return `redis://127.0.0.1:${port}`;
}

export function allSystems(): System[] {
  const needsRedis = isInstalled('redis-server') ? undefined : 'redis-server is not installed';
  return [
    nginxPeer(),
    nodePeer('node:http + undici, bare', 'node-undici', ['undici']),
    nodePeer('Express + http-proxy-middleware, bare', 'express-proxy', ['express', 'http-proxy-middleware']),
    gateway('full policies, Redis', { redis: true, missing: needsRedis }),
    gateway('full policies, Redis (again)', { redis: true, missing: needsRedis }),
    gateway('full policies, Redis, every request', { redis: true, missing: needsRedis, mode: 'strict' }),
    gateway('full policies, memory', {}),
    gateway('full policies, memory, 10 routes', { routes: 10 }),
    gateway('full policies, memory, 10,000 routes', { routes: 10_000 }),
    gateway('refused: unknown key, 401', { redis: true, missing: needsRedis, key: KEYS.unknown, expects: 401 }),
    gateway('refused: limit, 429', { redis: true, missing: needsRedis, key: KEYS.exhausted, expects: 429 }),
  ];
}

function nodePeer(name: string, file: string, packages: readonly string[]): System {
  return {
    name,
    process: name,
    missing: missingPackage(packages),
    load: (url) => ({ url, key: '', routes: 0, expects: 200 }),
    async start({ upstream, children }) {
      const port = await freePort();
      const args = [peerFile(file), String(port), upstream];
      return started(spawnPinned({ core: SYSTEM_CORE, command: process.execPath, args }), port, children);
    },
  };
}

/** C with a key map and two rate zones in its own memory: no shared store, so the floor rather than an equal. */
function nginxPeer(): System {
  const name = 'nginx, key map + 2 limit_req';
  return {
    name,
    process: name,
    missing: isInstalled('nginx') ? undefined : 'nginx is not installed',
    load: (url) => ({ url, key: KEYS.valid, routes: 0, expects: 200 }),
    async start({ upstream, folder, children }) {
      const port = await freePort();
      return started(spawnNginx(SYSTEM_CORE, folder, 'proxy', proxyServer(port, upstream)), port, children);
    },
  };
}

interface GatewayRow {
  readonly mode?: 'auto' | 'strict';
  readonly redis?: boolean;
  readonly routes?: number;
  readonly key?: string;
  readonly expects?: number;
  readonly missing?: string | undefined;
}

function gateway(name: string, row: GatewayRow): System {
  const { mode = 'auto', redis = false, routes = 0, key = KEYS.valid, expects = 200, missing } = row;
  const process_ = `turnpike-${redis ? 'redis' : 'memory'}-${routes}-${mode}`;
  return {
    name: `Turnpike: ${name}`,
    process: process_,
    missing,
    load: (url) => ({ url: routes > 0 ? url : `${url}/echo/items`, key, routes, expects }),
    async start(around) {
      const folder = join(around.folder, process_);
      mkdirSync(folder);
      const config = join(folder, 'gateway_config.yaml');
      writeFileSync(config, fullPolicies(around.upstream, routes, mode));
      const port = await freePort();
      const args = ['--disable-warning=ExperimentalWarning', join(root, 'src/cli/main.ts'), 'start'];
      const child = spawnPinned({
        core: SYSTEM_CORE,
        command: process.execPath,
        args: [...args, '--config', config, '--host', '127.0.0.1', '--port', String(port)],
        env: {
          DATABASE_URL: `sqlite:////${join(folder, 'bench.db').slice(1)}`,
          REDIS_URL: redis ? (around.redis ?? '') : '',
          MASTER_KEY: 'bench-master-key-0123456789abcdef',
        },
      });
      return started(child, port, around.children);
    },
  };
}

async function started(
  child: ChildProcess,
  port: number,
  children: ChildProcess[],
): Promise<{ url: string; pid: number }> {
  children.push(child);
  const { url } = await listening(child, port);
  return { url, pid: child.pid as number };
}

function peerFile(name: string): string {
  return join(import.meta.dirname, 'peers', `${name}.ts`);
}

function missingPackage(packages: readonly string[]): string | undefined {
  const require = createRequire(import.meta.url);
  const missing = packages.filter((name) => !canResolve(require, name));
  return missing.length === 0 ? undefined : `run npm ci in bench/ for ${missing.join(', ')}`;
}

function canResolve(require: NodeJS.Require, name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function spawnNginx(core: number, folder: string, name: string, server: string): ChildProcess {
  const prefix = join(folder, name);
  mkdirSync(prefix);
  const file = join(prefix, 'nginx.conf');
  writeFileSync(file, nginxConfig(prefix, server));
  return spawnPinned({ core, command: 'nginx', args: ['-p', prefix, '-c', file, '-e', join(prefix, 'error.log')] });
}

function nginxConfig(prefix: string, server: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off; master_process off; worker_processes 1; pid ${prefix}/nginx.pid;
    events { worker_connections 4096; }
    http {
      ${paths.map((path) => `${path}_temp_path ${prefix}/${path};`).join(' ')}
      keepalive_requests 1000000000; default_type application/json;
      ${server}
    }`;
}

function upstreamServer(port: number): string {
  return `access_log off;
    server { listen 127.0.0.1:${port}; location / { return 200 '{"message":"hello","from":"upstream"}'; } }`;
}

function proxyServer(port: number, upstream: string): string {
  return `access_log /dev/null combined buffer=32k;
    map $http_x_api_key $consumer { default ""; "${KEYS.valid}" "measured"; }
    limit_req_zone $consumer zone=short:10m rate=1000000r/s;
    limit_req_zone $consumer zone=long:10m rate=999999r/s;
    upstream echo { server ${new URL(upstream).host}; keepalive 512; }
    server {
      listen 127.0.0.1:${port};
      location / {
        if ($consumer = "") { return 401; }
        limit_req zone=short burst=1000000 nodelay;
        limit_req zone=long burst=1000000 nodelay;
        proxy_pass http://echo;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
      }
    }`;
}
