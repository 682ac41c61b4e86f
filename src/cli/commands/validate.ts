import { ConfigError } from '../../config/config-error.ts';
import type { GatewayConfig } from '../../config/gateway-config.ts';
import { loadConfig } from '../../config/load.ts';
import { RESERVED_PATHS, RESERVED_TREES } from '../../config/own-paths.ts';
import { tryCompile } from '../../routing/try-compile.ts';
import { parseDatabaseAddress } from '../../storage/database-address.ts';
import { parseRedisAddress } from '../../storage/redis-address.ts';

/** Checks all that a start checks, short of opening stores and sockets. Throws `ConfigError`. */
export async function validate({ config: file }: { config: string }): Promise<void> {
  const { config, env, warnings } = await loadConfig({ file });
  for (const warning of warnings) console.error(`warning: ${warning}`);
  parseDatabaseAddress(env.databaseUrl.reveal());
  if (env.redisUrl) parseRedisAddress(env.redisUrl.reveal());
  compile(file, config);
  const services = Object.keys(config.services).length;
  console.log(`${file} is valid: ${count(services, 'service')}, ${count(config.routes.length, 'route')}`);
}

/** What passes every check must compile. Where it does not, a check is missing, and the start would fail. */
function compile(file: string, config: GatewayConfig): void {
  try {
    tryCompile(config, (plane) =>
      plane === 'public' ? [...RESERVED_PATHS, ...RESERVED_TREES.map((tree) => `${tree}/*`)] : ['/admin/*'],
    );
  } catch (error) {
    const message = `the configuration cannot be compiled: ${(error as Error).message}`;
    throw new ConfigError([{ file, line: 0, column: 0, path: '', message }]);
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
