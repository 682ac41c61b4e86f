/**
 * Prints the bill of materials of what runs with the gateway, as CycloneDX JSON made from package-lock.json alone.
 * `npm sbom --omit dev` leaves out packages that development tools need as well, `undici` and `yaml` among them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  /** Needed by development tools alone. */
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const root = join(import.meta.dirname, '..');

/** Every entry of the lock file but the gateway itself. */
export function lockedPackages(): LockedPackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Omit<LockedPackage, 'name'>>;
  };
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    const at = path.lastIndexOf('node_modules/');
    return at < 0 ? [] : [{ name: path.slice(at + 'node_modules/'.length), ...entry }];
  });
}

function sbom(packages: readonly LockedPackage[]): object {
  const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as LockedPackage;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'application', ...component({ name, version, license: license ?? '' }) } },
    components: packages.filter(({ dev }) => dev !== true).map((entry) => ({ type: 'library', ...component(entry) })),
  };
}

function component({ name, version, license, integrity, optional }: LockedPackage): object {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const scope = optional === true ? 'optional' : 'required';
  return {
    'bom-ref': purl,
    name,
    version,
    scope,
    purl,
    licenses: [{ expression: license }],
    hashes: hashes(integrity),
  };
}

function hashes(integrity: string | undefined): object[] {
  const digest = /^sha512-(.+)$/.exec(integrity ?? '')?.[1];
  return digest === undefined ? [] : [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }];
}

if (import.meta.main) console.log(JSON.stringify(sbom(lockedPackages()), undefined, 2));
