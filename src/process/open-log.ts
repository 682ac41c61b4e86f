import type { Settings } from '../config/settings-schema.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';

/** The log of this process as the configuration asks for it, on standard output. */
export function openLog({ log }: Pick<Settings, 'log'>): Logger {
  return createLogger({ ...log, pretty: log.pretty === 'auto' ? 'auto' : log.pretty === 'on' });
}
