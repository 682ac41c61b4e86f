import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../..');

interface ComposeService {
  image: string;
  build?: { context: string; target: string };
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  healthcheck?: { test: string[] };
  environment?: Record<string, string | null>;
  volumes?: (string | { type: string; target: string })[];
  tmpfs?: string[];
  ports?: string[];
  command?: string[];
  secrets?: { source: string; target: string }[];
  configs?: { source: string; target: string }[];
  depends_on?: Record<string, { condition: string }>;
  deploy?: { replicas: number | string; update_config?: { order: string }; resources?: { limits?: object } };
}

interface ComposeFile {
  services: Record<string, ComposeService>;
  secrets?: Record<string, { file: string; name?: string }>;
  configs?: Record<string, { file: string; name?: string }>;
  volumes?: Record<string, unknown>;
}

const files = ['docker-compose.yml', 'docker-compose.prod.yml'];
const dockerfile = readText('Dockerfile');

function readText(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function readCompose(file: string): ComposeFile {
  return parse(readText(file), { merge: true }) as ComposeFile;
}

/** Every service of both files, as [file, name, service]. */
const services = files.flatMap((file) =>
  Object.entries(readCompose(file).services).map(([name, service]) => [file, name, service] as const),
);

const named = (list: typeof services): [string, ComposeService][] =>
  list.map(([file, name, service]) => [`${file}: ${name}`, service]);

describe('compose files', () => {
  test.each(named(services))('%s runs as a user without privileges on a read-only root', (_name, service) => {
    expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
  });

  test.each(named(services))('%s names an exact version of its image', (_name, service) => {
    if (service.image.includes('${')) expect(service.image).toMatch(/^\$\{TURNPIKE_IMAGE:\?/);
    else expect(service.image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
  });

  test.each(named(services))('%s has a health check without curl', (_name, service) => {
    // The gateway's own stands in its image.
    const command =
      service.healthcheck?.test ?? (/turnpike:|TURNPIKE_IMAGE/.test(service.image) ? ['in the image'] : []);
    expect(command.join(' ')).not.toBe('');
    expect(command.join(' ')).not.toContain('curl');
  });

  test.each(named(services))('%s holds no literal secret', (_name, service) => {
    for (const [name, value] of Object.entries(service.environment ?? {})) {
      if (value !== null && /KEY|PASSWORD|TOKEN|SECRET/.test(name))
        expect(value).toMatch(/^\$\{[A-Z_]+(:\?[^}]+|:-)\}$|^\/run\/secrets\//);
      // An address holds no password: one with a character that an address escapes would break it.
      expect((value ?? '').replace(/\$\{[^}]*\}/g, '')).not.toMatch(/:\/\/[^/@]*:[^/@]+@/);
    }
  });

  test.each(files)('%s declares every volume, secret and configuration it mounts', (file) => {
    const compose = readCompose(file);
    for (const service of Object.values(compose.services)) {
      const volumes = (service.volumes ?? [])
        .filter((volume) => typeof volume === 'string')
        .map((volume) => volume.replace(/^\$\{[^}]*\}/, '.').split(':')[0] ?? '')
        .filter((v) => !/^[./]/.test(v));
      expect(Object.keys(compose.volumes ?? {})).toEqual(expect.arrayContaining(volumes));
      const secrets = (service.secrets ?? []).map(({ source }) => source);
      expect(Object.keys(compose.secrets ?? {})).toEqual(expect.arrayContaining(secrets));
      const configs = (service.configs ?? []).map(({ source }) => source);
      expect(Object.keys(compose.configs ?? {})).toEqual(expect.arrayContaining(configs));
    }
  });

  test('docker-compose.yml waits for healthy stores before the gateway starts', () => {
    const gateway = readCompose('docker-compose.yml').services['gateway'];
    expect(gateway?.depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      redis: { condition: 'service_healthy' },
    });
  });

  test('docker-compose.yml starts every sample service from a file that exists', () => {
    const samples = Object.values(readCompose('docker-compose.yml').services).filter(
      (s) => s.build?.target === 'samples',
    );
    expect(samples).toHaveLength(4);
    for (const { command } of samples) expect(() => readText(command?.[1] ?? '')).not.toThrow();
  });

  test('docker-compose.yml passes on every variable that .env.example names', () => {
    const environment = readCompose('docker-compose.yml').services['gateway']?.environment ?? {};
    const text = readText('docker-compose.yml');
    const named = [...readText('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name ?? '');
    const passed = (name: string): boolean => name in environment || text.includes(`\${${name}`);
    // Where the configuration is inside the container is the image's business.
    expect(named.filter((name) => name !== 'TURNPIKE_CONFIG' && !passed(name))).toEqual([]);
  });

  test('docker-compose.yml mounts the folder of the configuration, so that a replaced file is seen', () => {
    const volumes = readCompose('docker-compose.yml').services['gateway']?.volumes ?? [];
    expect(volumes).toContain('${TURNPIKE_CONFIG_DIR:-.}:/etc/turnpike:ro');
    expect(dockerfile).toContain('TURNPIKE_CONFIG=/etc/turnpike/gateway_config.yaml');
  });

  test('Prometheus is reached from this machine only, and scrapes the socket that serves nothing but metrics', () => {
    for (const file of files) {
      const { prometheus, gateway } = readCompose(file).services;
      for (const port of prometheus?.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
      expect(gateway?.environment?.['PROMETHEUS_PORT']).toBe('9100');
    }
    expect(readText('deploy/prometheus/prometheus.yml')).toContain('port: 9100');
  });

  test('docker-compose.prod.yml can be deployed as a Swarm stack: no build, no conditional depends_on', () => {
    for (const service of Object.values(readCompose('docker-compose.prod.yml').services)) {
      expect(service.build).toBeUndefined();
      expect(service.depends_on).toBeUndefined();
      expect(service.deploy?.replicas).toBeDefined();
      expect(service.deploy?.resources?.limits).toBeDefined();
      // A Swarm drops the short form and keeps the read-only root.
      expect(service.tmpfs).toBeUndefined();
      expect(service.volumes).toContainEqual({ type: 'tmpfs', target: '/tmp' });
    }
    const { configs, secrets } = readCompose('docker-compose.prod.yml');
    for (const { name } of Object.values({ ...configs, ...secrets })) expect(name).toMatch(/_\$\{\w+_VERSION:-1\}$/);
    expect(readCompose('docker-compose.prod.yml').services['gateway']?.deploy?.update_config?.order).toBe(
      'start-first',
    );
  });
});

describe('the image', () => {
  test('is built from an exact version and runs without privileges', () => {
    for (const [, image] of dockerfile.matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/^node:26\.\d+\.\d+-\w+-slim$/);
    const lastStage = dockerfile.slice(dockerfile.lastIndexOf('FROM '));
    expect(lastStage).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  });

  test('asks the running gateway whether it is alive, wherever that listens', () => {
    const check = /HEALTHCHECK[\s\S]*?\n {2}CMD (\[.*\])/.exec(dockerfile)?.[1] ?? '[]';
    // tests/integration/cli-health.test.ts runs the command.
    expect(JSON.parse(check)).toEqual(['node', 'dist/cli/main.js', 'health']);
  });

  test('holds no key: nothing but the named files is sent to the builder, and no secret is set', () => {
    expect(readText('.dockerignore').split('\n')).toContain('*');
    expect(dockerfile).not.toMatch(/^(ENV|ARG) .*(KEY|PASSWORD|SECRET|TOKEN)/m);
  });

  test('copies only what the ignore file lets through', () => {
    const sent = new Set([...readText('.dockerignore').matchAll(/^!(\S+)$/gm)].map(([, name]) => name));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) =>
      (names ?? '').split(' '),
    );
    expect(copied.filter((name) => !sent.has(name.replace(/^\.\//, '')))).toEqual([]);
  });
});
