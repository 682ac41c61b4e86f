import { readFileSync } from 'node:fs';
import type { Server as TlsServer } from 'node:https';
import type { Settings } from '../config/settings-schema.ts';
import { FileFollower } from '../lib/file-follower.ts';
import type { Degradations } from '../telemetry/degradations.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ListenerTls } from './listener.ts';

export type TlsFiles = NonNullable<Settings['listen']['tls']>;

interface Reporting {
  readonly log: Logger;
  readonly degradations: Pick<Degradations, 'set'>;
}

/** The certificate of one listening socket, which follows its files. */
export class ListenerCertificate {
  private readonly server: TlsServer;
  private readonly files: TlsFiles;
  private readonly reporting: Reporting;
  private readonly follower: FileFollower;

  constructor(server: TlsServer, files: TlsFiles, reporting: Reporting) {
    this.server = server;
    this.files = files;
    this.reporting = reporting;
    this.follower = new FileFollower({
      files: [files.cert, files.key],
      onChange: () => this.renew(),
      onUnwatched: (error) =>
        reporting.log.warn({ err: error }, 'changes of the certificate are found by polling: no notification of files'),
    });
  }

  follow(): Promise<void> {
    return this.follower.start();
  }

  stop(): void {
    this.follower.stop();
  }

  /** Reads the files again. A pair that cannot be used changes nothing, and is reported until one can be. */
  renew(): void {
    const { log, degradations } = this.reporting;
    try {
      this.server.setSecureContext(readTls(this.files));
      degradations.set('certificate_reload_failed', false);
      log.info({ file: this.files.cert }, 'the certificate was read again');
    } catch (error) {
      degradations.set('certificate_reload_failed', true);
      log.error({ err: error, file: this.files.cert }, 'the new certificate cannot be used: the old one stays in use');
    }
  }
}

/** Throws Node's error when a file cannot be read. */
export function readTls({ cert, key }: TlsFiles): ListenerTls {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}
