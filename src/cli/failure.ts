import { ConfigError } from '../config/config-error.ts';
import { GatewayError } from '../errors/rejection.ts';
import { DatabaseError, explainOutage, firstLine, isStoreOutage } from '../storage/database-error.ts';
import { RedisAddressError } from '../storage/redis-address.ts';

/** Prints why a command failed and ends the process with exit code 1; what the log still holds is written. */
export function failWith(error: unknown): never {
  process.stderr.write(`${explainFailure(error) ?? describeBug(error)}\n`);
  process.exit(1);
}

/**
 * What an operator can do something about, in their words: one line, or one per mistake in the configuration.
 * `undefined` = a bug.
 */
function explainFailure(error: unknown): string | undefined {
  if (error instanceof ConfigError) return error.render();
  if (error instanceof UsageError || error instanceof DatabaseError || error instanceof RedisAddressError)
    return error.message;
  if (error instanceof GatewayError) return error.rejection.detail;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // In one of several processes it is the primary that binds.
  if (syscall === 'listen' || syscall === 'bind') return explainListen(error as ListenError);
  if (isStoreOutage(error)) return explainOutage(error).replace(/^t/, 'T');
  const isOfSystem = syscall !== undefined && code !== undefined;
  return isOfSystem ? firstLine(error) : undefined;
}

const PORT_SOURCES = '--port, SERVER_PORT or settings.listen.port';
const NO_ADDRESS = 'this machine has no such address. See --host, SERVER_HOST and settings.listen.host.';
const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: `another program does. Stop it, or choose another port: ${PORT_SOURCES}.`,
  EACCES: `this user may not use the port. Choose one from 1024 up: ${PORT_SOURCES}.`,
  EADDRNOTAVAIL: NO_ADDRESS,
  ENOTFOUND: NO_ADDRESS,
};

interface ListenError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

function explainListen({ code, address = '', port = 0 }: ListenError): string {
  const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return `Cannot listen on ${place}: ${LISTEN_FAILURES[code ?? ''] ?? String(code)}`;
}

/** A bug is shown with its stack, so that a report can include it. */
function describeBug(error: unknown): string {
  const stack = error instanceof Error ? error.stack : String(error);
  return `internal error, turnpike stops:\n${stack}`;
}

/** A mistake in the arguments or around them; the message says what to do. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}
