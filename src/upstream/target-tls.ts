import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Paths of TLS material in PEM. */
interface TlsPaths {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** TLS material towards one target, as text. Certificates of targets are always verified. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

const MATERIAL = ['ca', 'cert', 'key'] as const;

/**
 * TLS material that follows its files, through whatever symbolic links: they are looked at whenever a connection is opened.
 * Missing or mismatched files, as during a replacement, leave the old certificates in place.
 */
export class TargetTls {
  private readonly paths: readonly (readonly [keyof TlsMaterial, string])[];
  private material: TlsMaterial;
  private seen: string;

  /** Throws when a file cannot be read. */
  constructor(paths: TlsPaths) {
    this.paths = MATERIAL.flatMap((name) => (paths[name] === undefined ? [] : [[name, paths[name]] as const]));
    this.seen = this.look();
    this.material = this.read();
  }

  /** The same object until a file has changed. */
  get current(): TlsMaterial {
    try {
      const seen = this.look();
      if (seen !== this.seen) {
        const material = this.read();
        createSecureContext(material);
        this.material = material;
        this.seen = seen;
      }
    } catch {
      // Looked at again with the next connection.
    }
    return this.material;
  }

  private look(): string {
    return this.paths
      .map(([, path]) => statSync(path))
      .map(({ dev, ino, size, mtimeMs }) => `${dev} ${ino} ${size} ${mtimeMs}`)
      .join();
  }

  private read(): TlsMaterial {
    return Object.fromEntries(this.paths.map(([name, path]) => [name, readFileSync(path, 'utf8')]));
  }
}
