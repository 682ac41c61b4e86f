import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { type RunningGateway, startGateway } from '../../src/main.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { withDataDir } from './data-dir.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

export const MASTER_KEY = 'mk_a-master-key-of-the-tests';

export interface StartedGateway extends RunningGateway {
  /** Every line logged so far, parsed. */
  readonly logged: readonly Record<string, unknown>[];
  /** Writes another configuration to the file. */
  writeConfig(text: string): void;
}

interface GatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly dev?: boolean;
}

/**
 * Starts gateways in this process with SQLite in a folder of their own; they end with the test. To be called while a
 * suite is described. The shutdown has no grace unless the YAML asks for one.
 */
export function makeGateways(): (yaml: string, options?: GatewayOptions) => Promise<StartedGateway> {
  const endings: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(endings.splice(0).map((end) => end()));
  });
  return async (yaml, { env = { MASTER_KEY }, dev = false } = {}) => {
    const folder = makeTempDir('gateway');
    const configFile = join(folder, 'gateway.yaml');
    const writeConfig = (text: string) => writeFileSync(configFile, withDataDir(text, folder));
    writeConfig(yaml);
    const logged: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) };
    const log = createLogger({ level: 'info', pretty: false, mask: [], destination });
    const database = { DATABASE_URL: `sqlite:${join(folder, 'gateway.db')}` };
    const running = await startGateway({ file: configFile, env: { ...database, ...env }, dev, version: '9.9.9', log });
    endings.push(async () => {
      await running.stop();
      removeTempDir(folder);
    });
    return { ...running, logged, writeConfig };
  };
}
