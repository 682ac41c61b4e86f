import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty folder of mode 0700 under the system's temporary folder; the caller removes it. */
export function makeTempDir(label = 'test'): string {
  return mkdtempSync(join(tmpdir(), `turnpike-${label}-`));
}

/** Removes the folder and all it holds; a folder that is already gone is fine. */
export function removeTempDir(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
