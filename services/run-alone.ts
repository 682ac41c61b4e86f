import { parseArgs } from 'node:util';
import type { ListenOptions, RunningService } from './http-service.ts';

type Start = (options: ListenOptions) => Promise<RunningService>;

/**
 * Starts one service and says so on one line. A port that is taken, or may not be used, gives one line too and
 * resolves to undefined, so that the other services still start.
 */
export async function startOrExplain(
  name: string,
  start: Start,
  options: ListenOptions,
): Promise<RunningService | undefined> {
  try {
    const service = await start(options);
    console.log(`${name} listening on ${service.url}`);
    return service;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'another program is listening on it' : message;
    console.error(`${name} not started: port ${options.port} cannot be used: ${reason}`);
    return undefined;
  }
}

/**
 * Closes the services at the first SIGINT or SIGTERM, so that the process ends. A process that started this one over a
 * message channel is told that they are settled, and takes them along when it ends, however it ends.
 */
export function closeOnSignal(services: (RunningService | undefined)[]): void {
  const close = () => {
    for (const service of services) void service?.close();
    if (process.connected) process.disconnect?.();
  };
  process.once('SIGINT', close).once('SIGTERM', close);
  process.once('disconnect', close);
  process.send?.('settled');
}

/** Runs one service as its own process; `--port` and `--host`, or PORT and HOST, override the defaults. */
export async function runAlone(name: string, start: Start, defaultPort: number): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string' }, host: { type: 'string' } } });
  const port = Number(values.port ?? process.env['PORT'] ?? defaultPort);
  const service = await startOrExplain(name, start, { port, host: values.host ?? process.env['HOST'] });
  if (service === undefined) process.exitCode = 1;
  closeOnSignal([service]);
}
