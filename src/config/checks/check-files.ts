import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Path } from '../config-error.ts';
import type { GatewayConfig } from '../gateway-config.ts';

interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Reports certificates and keys that cannot be read, are not PEM or do not belong together. */
export async function checkFiles(config: GatewayConfig, fail: (path: Path, message: string) => void): Promise<void> {
  const { tls } = config.settings.listen;
  if (tls) await checkTls(tls, ['settings', 'listen', 'tls'], fail);
  for (const service of Object.values(config.services)) {
    for (const [i, target] of service.targets.entries()) {
      if (target.tls) await checkTls(target.tls, ['services', service.name, 'targets', i, 'tls'], fail);
    }
  }
}

async function checkTls(files: TlsFiles, path: Path, fail: (path: Path, message: string) => void): Promise<void> {
  const contents: Record<string, string> = {};
  for (const field of ['ca', 'cert', 'key'] as const) {
    const file = files[field];
    if (file === undefined) continue;
    try {
      contents[field] = await readFile(file, 'utf8');
    } catch (error) {
      return fail([...path, field], `${file} cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
    }
  }
  try {
    createSecureContext(contents);
  } catch (error) {
    // OpenSSL's reason is a fixed phrase such as "key values mismatch" and never quotes the key.
    const { reason, code } = error as { reason?: string; code?: string };
    fail(path, `the files are not a usable certificate and key (${reason ?? String(code)})`);
  }
}
