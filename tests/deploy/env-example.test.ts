import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { OVERRIDING_VARIABLES } from '../../src/config/overrides.ts';

const root = resolve(import.meta.dirname, '../..');
const readText = (file: string): string => readFileSync(join(root, file), 'utf8');

const lines = [...readText('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
const listed = lines.map(([, name]) => name ?? '');

/** Names of `${NAME…}` in the configurations and compose files that are shipped. */
const referenced = globSync(['gateway_config.yaml', 'examples/*.yaml', 'docker-compose.yml'], { cwd: root }).flatMap(
  (file) => [...readText(file).matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name]) => name ?? ''),
);

/** Names that `readEnvironmentSettings` asks for. */
const secrets = [...readText('src/config/environment-settings.ts').matchAll(/secret\('([A-Z_]+)'\)/g)].map(
  ([, name]) => name ?? '',
);

/** Names that the command line reads itself. */
const flags = [...readText('src/cli/command-line.ts').matchAll(/\.env\('([A-Z_]+)'\)/g)].map(([, name]) => name ?? '');

test('.env.example lists every variable that is a setting or a secret', () => {
  expect(secrets.length).toBeGreaterThan(0);
  expect([...OVERRIDING_VARIABLES, ...secrets, ...flags].filter((name) => !listed.includes(name))).toEqual([]);
});

test('.env.example lists every variable the shipped configuration reads', () => {
  const read = [...readText('gateway_config.yaml').matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name]) => name ?? '');
  expect(read.filter((name) => !listed.includes(name))).toEqual([]);
});

test('.env.example lists nothing that nobody reads', () => {
  const known = new Set([...OVERRIDING_VARIABLES, ...secrets, ...flags, ...referenced]);
  expect(listed.filter((name) => !known.has(name))).toEqual([]);
});

test('.env.example sets no secret', () => {
  const set = lines.filter(([, name, value]) => /KEY|PASSWORD|TOKEN|SECRET/.test(name ?? '') && value !== '');
  expect(set.map(([, name]) => name)).toEqual([]);
});
