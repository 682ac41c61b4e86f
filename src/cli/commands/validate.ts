import { loadConfig } from '../../config/load.ts';

/** Checks all that a start checks, short of opening stores and sockets. Throws `ConfigError`. */
export async function validate({ config: file }: { config: string }): Promise<void> {
  const { config, warnings } = await loadConfig({ file });
  for (const warning of warnings) console.error(`warning: ${warning}`);
  const services = Object.keys(config.services).length;
  console.log(`${file} is valid: ${count(services, 'service')}, ${count(config.routes.length, 'route')}`);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
