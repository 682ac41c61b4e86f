// The compose files read by the tools that will read them: compose-go (through Go) and Docker's own client.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findExecutable } from '../support/executable.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const go = findExecutable('go');
const docker = findExecutable('docker');
let folder: string;

beforeAll(() => {
  folder = makeTempDir('compose');
  for (const file of ['docker-compose.yml', 'docker-compose.prod.yml', 'gateway_config.yaml'])
    copyFileSync(join(root, file), join(folder, file));
  cpSync(join(root, 'deploy'), join(folder, 'deploy'), { recursive: true });
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets/gateway.env'), 'MASTER_KEY=mk\n');
  writeFileSync(join(folder, 'secrets/postgres_password'), 'p@ss/w#rd');
});
afterAll(() => removeTempDir(folder));

const environment = (more: Record<string, string> = {}): NodeJS.ProcessEnv => {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, ...more };
};

interface Project {
  services: Record<string, { environment?: Record<string, string | null>; volumes?: object[]; ports?: object[] }>;
}

(go === undefined ? describe.skip : describe)('compose-go', () => {
  let program: string;
  beforeAll(async () => {
    program = join(folder, 'render');
    await run(go ?? '', ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'compose-go') });
  }, 300_000);

  const render = async (file: string, env: Record<string, string> = {}): Promise<Project> =>
    JSON.parse((await run(program, [file], { cwd: folder, env: environment(env) })).stdout) as Project;

  test('gives the gateway every value that is set in .env, and no name that is not', async () => {
    const names = [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)]
      .map(([, name]) => name ?? '')
      .filter((name) => !/^(SERVER_|PORT$|PROMETHEUS_PORT$|POSTGRES_PASSWORD$|TURNPIKE_)/.test(name));
    writeFileSync(
      join(folder, '.env'),
      `${names.map((name) => `${name}=v_${name}`).join('\n')}\nPOSTGRES_PASSWORD=p@ss/w#rd\n`,
    );
    const { services } = await render('docker-compose.yml');
    const passed = services['gateway']?.environment ?? {};
    expect(names.filter((name) => passed[name] !== `v_${name}`)).toEqual([]);
    expect(passed['PGPASSWORD']).toBe('p@ss/w#rd');
    writeFileSync(join(folder, '.env'), 'MASTER_KEY=mk\nPOSTGRES_PASSWORD=pg\nSERVER_PORT=8123\n');
    const bare = (await render('docker-compose.yml')).services['gateway'];
    // A null value is not passed to the container.
    expect(bare?.environment?.['SECRET_KEY'] ?? undefined).toBeUndefined();
    expect(bare?.ports).toMatchObject([{ published: '8123', target: 8000 }]);
  });

  test('accepts the production file, and names what must be set', async () => {
    await expect(render('docker-compose.prod.yml')).rejects.toMatchObject({
      stderr: expect.stringContaining('TURNPIKE_IMAGE'),
    });
    const { services } = await render('docker-compose.prod.yml', { TURNPIKE_IMAGE: 'r/t:1' });
    expect(services['postgres']?.volumes).toContainEqual(
      expect.objectContaining({ type: 'tmpfs', target: '/var/run/postgresql' }),
    );
  });
});

(docker === undefined ? describe.skip : describe)('docker stack deploy, against a recording engine', () => {
  test('every service that has a read-only root gets its writable places', async () => {
    const created: { Name: string; TaskTemplate: { ContainerSpec: ContainerSpec } }[] = [];
    const server = createServer((req, res) => void answer(req, res, created)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = environment({ DOCKER_HOST: host, TURNPIKE_IMAGE: 'r/t:1' });
    await run(docker ?? '', ['stack', 'deploy', '--detach', '-c', 'docker-compose.prod.yml', 'turnpike'], {
      cwd: folder,
      env,
    });
    server.close();
    const spec = (name: string): ContainerSpec | undefined =>
      created.find((service) => service.Name === `turnpike_${name}`)?.TaskTemplate.ContainerSpec;
    for (const name of ['gateway', 'redis', 'postgres', 'prometheus']) {
      expect(spec(name)?.ReadOnly).toBe(true);
      expect(spec(name)?.Mounts).toContainEqual(expect.objectContaining({ Type: 'tmpfs', Target: '/tmp' }));
    }
    expect(spec('postgres')?.Mounts).toContainEqual(
      expect.objectContaining({ Type: 'tmpfs', Target: '/var/run/postgresql' }),
    );
  });
});

interface ContainerSpec {
  ReadOnly?: boolean;
  Mounts?: object[];
}

/** As much of the engine's API as the client asks for; services that are created are kept. */
async function answer(req: IncomingMessage, res: ServerResponse, created: unknown[]): Promise<void> {
  const path = (req.url ?? '').replace(/^\/v1\.\d+/, '').replace(/\?.*/, '');
  const reply = (body: unknown, status = 200): void => {
    res.writeHead(status, {
      'api-version': '1.47',
      'content-type': 'application/json',
      'docker-experimental': 'false',
    });
    res.end(JSON.stringify(body));
  };
  if (req.method === 'GET' && path === '/info')
    return reply({ Swarm: { LocalNodeState: 'active', ControlAvailable: true, NodeID: 'n' } });
  if (req.method === 'GET' && path === '/version') return reply({ ApiVersion: '1.47', Version: '28.0.0' });
  if (req.method === 'GET' || req.method === 'HEAD') {
    const one = /^\/(networks|configs|secrets)\/./.test(path);
    return one ? reply({ message: 'not found' }, 404) : path === '/_ping' ? reply('OK') : reply(listOf(path));
  }
  const body: unknown = await json(req).catch(() => ({}));
  if (path === '/services/create') created.push(body);
  if (path === '/secrets/create' || path === '/configs/create') known.push({ path, Spec: body });
  reply({ ID: `id${known.length}`, Id: 'id', Warning: '' }, 201);
}

const known: { path: string; Spec: unknown }[] = [];

function listOf(path: string): unknown {
  if (path === '/services' || path === '/networks' || path === '/tasks') return [];
  return known.filter((entry) => entry.path === `${path}/create`).map(({ Spec }, at) => ({ ID: `id${at}`, Spec }));
}
