// What is installed with the gateway was reviewed: every package has its licence on a list and its digest in the lock file.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { lockedPackages } from '../../scripts/sbom.ts';

const root = resolve(import.meta.dirname, '../..');

interface Reviewed {
  /** Licence → names. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
  readonly withoutIntegrity: { readonly reason: string; readonly packages: readonly string[] };
}
interface Component {
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly { readonly expression: string }[];
  readonly hashes: readonly { readonly content: string }[];
}

const reviewed = JSON.parse(readFileSync(resolve(root, 'scripts/runtime-packages.json'), 'utf8')) as Reviewed;
const entries = lockedPackages();
const runtime = entries.filter(({ dev }) => dev !== true);

function unique(lines: readonly string[]): string[] {
  return [...new Set(lines)].toSorted();
}

test('every package that runs with the gateway is on the list, with its licence (scripts/runtime-packages.json)', () => {
  const listed = Object.entries(reviewed.packages).flatMap(([licence, names]) =>
    names.map((name) => `${name} ${licence}`),
  );
  expect(unique(runtime.map(({ name, license }) => `${name} ${license}`))).toEqual(unique(listed));
});

test('every entry of the lock file has a SHA-512 digest, except those that are listed', () => {
  const without = entries.filter(({ integrity }) => integrity?.startsWith('sha512-') !== true);
  expect(unique(without.map(({ name }) => name))).toEqual(unique(reviewed.withoutIntegrity.packages));
});

test('no entry of the lock file comes from elsewhere than the registry', () => {
  const elsewhere = entries.filter(({ resolved }) => resolved?.startsWith('https://registry.npmjs.org/') === false);
  expect(elsewhere.map(({ name }) => name)).toEqual([]);
});

test('npm run sbom prints what runs with the gateway, each with its licence, and its digest where there is one', () => {
  const printed = execFileSync('npm', ['run', '-s', 'sbom'], { cwd: root, encoding: 'utf8' });
  const { components } = JSON.parse(printed) as { components: readonly Component[] };
  const told = components.map(({ name, version, licenses, hashes }) => {
    return `${name} ${version} ${licenses[0]?.expression} ${hashes[0]?.content.length}`;
  });
  const wanted = runtime.map(({ name, version, license, integrity }) => {
    return `${name} ${version} ${license} ${integrity && 128}`;
  });
  expect(unique(told)).toEqual(unique(wanted));
});
