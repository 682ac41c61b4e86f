// A whole gateway inside the test's process: configuration text in, address out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningGateway, startGateway } from '../../src/main.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { withDataDir } from './data-dir.ts';

export const API_KEY = 'sk_test_key_of_the_tests';
export const MASTER_KEY = 'mk_master_key_of_the_tests';

export interface TestGateway extends RunningGateway {
  /** Everything logged so far, one parsed line each. */
  readonly logged: readonly Record<string, unknown>[];
  /** The metrics page. */
  metrics(): Promise<string>;
  /** Writes another configuration to the file; nothing reloads by itself before the watcher has noticed. */
  writeConfig(text: string): void;
  /** Stops without waiting for grace, and removes the folder. */
  close(): Promise<void>;
}

interface TestGatewayOptions {
  env?: Record<string, string>;
  dev?: boolean;
}

/** Listens on a free port of 127.0.0.1 with SQLite and counters in memory, unless `env` says otherwise. */
export async function startTestGateway(config: string, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-test-'));
  const file = join(folder, 'gateway_config.yaml');
  const writeConfig = (text: string) => writeFileSync(file, withDataDir(text, folder));
  writeConfig(config);
  const logged: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
  const env = {
    SERVER_HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: `sqlite:${join(folder, 'test.db')}`,
    TEST_API_KEY: API_KEY,
    MASTER_KEY,
    ...options.env,
  };
  const log = createLogger({ level: 'info', pretty: false, mask: [], destination });
  const running = await startGateway({ file, env, dev: options.dev ?? false, version: '0.0.0-test', log });
  return {
    ...running,
    logged,
    writeConfig,
    metrics: async () => (await running.deps.metrics.render()).body,
    close: async () => {
      running.gateway.isDraining = true;
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits of a shutdown that suit tests; put under `settings:`. */
export const QUICK_SHUTDOWN = 'shutdown: { grace: 0s, drain: 200ms, flush: 2s }';
