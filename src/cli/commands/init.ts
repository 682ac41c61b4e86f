import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../failure.ts';

const CONFIG = `# Check it with \`turnpike validate\`; see what a request meets with \`turnpike explain GET /service1/hello\`.
# A running gateway reloads this file when it changes.
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

/** What must never be committed: the secrets, and the database with its password hashes. */
const GITIGNORE = '.env\ndata/\n';

/**
 * Writes a configuration and, beside it, `.env` with new secrets and a `.gitignore` (unless there is one). Throws, and
 * writes nothing, when the configuration or `.env` exists.
 */
export async function init({ config }: { config: string }): Promise<void> {
  const folder = dirname(config);
  const env = join(folder, '.env');
  const existing = [config, env].filter((file) => existsSync(file));
  if (existing.length > 0) {
    const verb = existing.length === 1 ? 'exists' : 'exist';
    throw new UsageError(`${existing.join(' and ')} already ${verb}; nothing was written`);
  }
  await writeFile(config, CONFIG, { flag: 'wx' });
  await writeFile(env, newSecrets(), { flag: 'wx', mode: 0o600 });
  const ignore = join(folder, '.gitignore');
  const written = [config, env];
  if (!existsSync(ignore)) {
    await writeFile(ignore, GITIGNORE, { flag: 'wx' });
    written.push(ignore);
  }
  console.log(`wrote ${written.join(', ')}`);
  console.log('next: turnpike start, then turnpike keys create --owner me');
}

function newSecrets(): string {
  const secret = (): string => randomBytes(32).toString('base64url');
  return [
    '# Opens /admin. Keep it secret.',
    `MASTER_KEY=mk_${secret()}`,
    '# Signs the tokens of logins.',
    `SECRET_KEY=${secret()}`,
    '',
  ].join('\n');
}
