import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

interface WatchOptions {
  readonly file: string;
  /** The file has other content than before, and is whole. */
  readonly onChange: () => Promise<unknown>;
  readonly onFailure: (error: unknown) => void;
}

/** A save may be several writes: a file counts as whole when two looks so far apart find the same in it. */
const QUIET_MS = 100;

/** Notices when the content of a file changes, also when a symbolic link on its way is exchanged. */
export class ConfigWatch {
  private readonly options: WatchOptions;
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private seen: string | undefined;
  private candidate: string | undefined;

  constructor(options: WatchOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    this.seen = await this.fingerprint();
    // The folder is watched, not the file: editors and Kubernetes replace the file itself.
    this.watcher = watch(dirname(this.options.file), { persistent: false }, () => this.lookSoon());
    this.watcher.on('error', this.options.onFailure);
  }

  stop(): void {
    this.watcher?.close();
    clearTimeout(this.timer);
  }

  private lookSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), QUIET_MS).unref();
  }

  private async look(): Promise<void> {
    const found = await this.fingerprint();
    if (found === undefined || found === this.seen) return;
    if (found !== this.candidate) {
      this.candidate = found;
      return this.lookSoon();
    }
    this.seen = found;
    await this.options.onChange();
  }

  /** `undefined` while the file is away, which a replacement looks like for a moment. */
  private async fingerprint(): Promise<string | undefined> {
    const content = await readFile(this.options.file).catch(() => undefined);
    return content && createHash('sha256').update(content).digest('hex');
  }
}
