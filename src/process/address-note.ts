import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Notes where the gateway of this configuration file listens, so that `turnpike health` follows port, host and TLS
 * wherever they come from, also while the file has a mistake that the running gateway refused. Does nothing where the
 * temporary folder cannot be written to.
 */
export function noteAddress(configFile: string, url: string): void {
  const place = placeOf(configFile);
  // A new file that replaces the old one: a link that somebody else put there is replaced, not followed.
  const draft = `${place}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, url, { flag: 'wx', mode: 0o600 });
    renameSync(draft, place);
  } catch {
    rmSync(draft, { force: true });
  }
}

/** The address last noted for this configuration file by this user; `undefined` when there is none. */
export function readAddress(configFile: string): string | undefined {
  const place = placeOf(configFile);
  try {
    const isOwn = statSync(place).uid === process.getuid?.();
    return isOwn ? readFileSync(place, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

function placeOf(configFile: string): string {
  const name = createHash('sha256').update(resolve(configFile)).digest('hex').slice(0, 16);
  return join(tmpdir(), `turnpike-${name}.url`);
}
