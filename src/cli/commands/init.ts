import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../usage-error.ts';

const CONFIG = `# Check it with \`turnpike validate\`; see what a request meets with \`turnpike explain GET /service1/hello\`.
# A running gateway takes over a change to this file by itself.
services:
  service1:                          # answers at /service1/*, to callers with an API key
    url: "http://localhost:5001"
    rate_limit: 100                  # requests per consumer and rate_period
    # timeout: { first_byte: 60s }
    # retry: { attempts: 3 }
    # auth: false                    # opens the service to everybody

settings:
  rate_period: 60s
  # listen: { host: 0.0.0.0, port: 8000 }
`;

/** Writes a configuration and, beside it, `.env`. Existing files are left alone: then nothing is written. */
export async function init({ config }: { config: string }): Promise<void> {
  const env = join(dirname(config), '.env');
  const existing = [config, env].filter((file) => existsSync(file));
  if (existing.length > 0) throw new UsageError(`${existing.join(' and ')} exists already; nothing was written`);
  const masterKey = `mk_${randomBytes(24).toString('base64url')}`;
  await writeFile(config, CONFIG, { flag: 'wx' });
  await writeFile(env, `# Opens /admin. Keep it secret.\nMASTER_KEY=${masterKey}\n`, { flag: 'wx', mode: 0o600 });
  console.log(`wrote ${config} and ${env}`);
  console.log('next: turnpike start, then turnpike keys create --owner me');
}
