import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { entriesOnTheWay } from './file-chain.ts';

interface FollowOptions {
  /** Followed together: a certificate and its key are one thing. */
  readonly files: readonly string[];
  /** All files can be read, and at least one has other content than before. Awaited before the next look. */
  readonly onChange: () => unknown;
  /** Called once, when the operating system notifies of no changes (any more): they are found by polling from then on. */
  readonly onUnwatched: (error: unknown) => void;
  /** How often the files are looked at without a notification. */
  readonly pollMs?: number;
  /** How long nothing may change before the files count as whole. */
  readonly quietMs?: number;
  readonly watch?: typeof watch;
}

interface WatchedFolder {
  readonly watcher: FSWatcher;
  readonly inode: bigint;
  names: ReadonlySet<string>;
}

/** A save may be several writes: files count as whole when two looks so far apart find the same in them. */
const QUIET_MS = 100;
const POLL_MS = 2_000;
/** Ordinary answers of a folder that is being replaced or may not be read. Polling covers it. */
const PASSING = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']);

/**
 * Notices when the content of files changes, however it is changed: written in place, replaced by a rename, or by
 * exchanging a symbolic link or a folder anywhere on the way. Every folder that holds a part of the way is watched, and
 * because notifications can be lost or used up, the files are also looked at every two seconds.
 */
export class FileFollower {
  private readonly options: FollowOptions;
  private readonly folders = new Map<string, WatchedFolder>();
  private poll: NodeJS.Timeout | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stamp = '';
  private seen: string | undefined;
  private candidate: string | undefined;
  private isLooking = false;
  private isUnwatched = false;
  private isStopped = false;

  constructor(options: FollowOptions) {
    this.options = options;
  }

  /** Follows from the present content on. */
  async start(): Promise<void> {
    await this.watchFolders();
    this.stamp = await this.stampOf();
    this.seen = await this.fingerprint();
    if (this.isStopped) return;
    this.poll = setInterval(() => void this.compareStamps(), this.options.pollMs ?? POLL_MS).unref();
  }

  stop(): void {
    this.isStopped = true;
    clearInterval(this.poll);
    clearTimeout(this.timer);
    for (const { watcher } of this.folders.values()) watcher.close();
    this.folders.clear();
  }

  private lookSoon(): void {
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = setTimeout(() => void this.look(), this.options.quietMs ?? QUIET_MS).unref();
  }

  /** One look at a time: callers that arrive during a look share the next one. */
  private async look(): Promise<void> {
    if (this.isLooking) return this.lookSoon();
    this.isLooking = true;
    try {
      await this.watchFolders();
      await this.compareContents();
    } finally {
      this.isLooking = false;
    }
  }

  private async compareContents(): Promise<void> {
    const found = await this.fingerprint();
    if (found === undefined || found === this.seen || this.isStopped) return;
    if (found !== this.candidate) {
      this.candidate = found;
      return this.lookSoon();
    }
    this.seen = found;
    await this.options.onChange();
  }

  private async compareStamps(): Promise<void> {
    const stamp = await this.stampOf();
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.lookSoon();
  }

  /** Shows that files may have changed without reading them; empty for missing files. */
  private async stampOf(): Promise<string> {
    const stamps = this.options.files.map(async (file) => {
      const found = await stat(file, { bigint: true }).catch(() => undefined);
      return found ? `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : '';
    });
    return (await Promise.all(stamps)).join('\n');
  }

  /** `undefined` while a file is away, which a replacement looks like for a moment. */
  private async fingerprint(): Promise<string | undefined> {
    const hash = createHash('sha256');
    for (const file of this.options.files) {
      const content = await readFile(file).catch(() => undefined);
      if (!content) return undefined;
      hash.update(`${content.length} `).update(content);
    }
    return hash.digest('hex');
  }

  /** The way to a file changes with the links on it, and a folder of the same name may be another one. */
  private async watchFolders(): Promise<void> {
    if (this.isUnwatched) return;
    const wanted = await entriesOnTheWay(this.options.files);
    for (const [folder, { watcher }] of this.folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.folders.delete(folder);
    }
    for (const [folder, names] of wanted) await this.watchFolder(folder, names);
  }

  private async watchFolder(folder: string, names: ReadonlySet<string>): Promise<void> {
    const inode = await stat(folder, { bigint: true }).then(
      ({ ino }) => ino,
      () => undefined,
    );
    const known = this.folders.get(folder);
    if (known) {
      known.names = names;
      if (known.inode === inode) return;
      known.watcher.close();
      this.folders.delete(folder);
    }
    if (inode !== undefined && !this.isStopped) this.openWatcher(folder, names, inode);
  }

  private openWatcher(folder: string, names: ReadonlySet<string>, inode: bigint): void {
    try {
      const open = this.options.watch ?? watch;
      const watcher = open(folder, { persistent: false }, (_event, name) => {
        const { names: present = names } = this.folders.get(folder) ?? {};
        // A folder that is itself moved or removed is reported under its own name.
        if (name === null || present.has(name) || name === basename(folder)) this.lookSoon();
      });
      watcher.on('error', (error) => this.giveUpWatching(error));
      this.folders.set(folder, { watcher, inode, names });
    } catch (error) {
      this.giveUpWatching(error);
    }
  }

  /** Typically because the notifications of this machine are used up: there are 128 for all containers of a node. */
  private giveUpWatching(error: unknown): void {
    if (this.isUnwatched || PASSING.has(String((error as NodeJS.ErrnoException).code))) return;
    this.isUnwatched = true;
    for (const { watcher } of this.folders.values()) watcher.close();
    this.folders.clear();
    this.options.onUnwatched(error);
  }
}
