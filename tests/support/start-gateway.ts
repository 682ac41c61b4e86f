// A whole gateway inside the test's process: configuration text in, address out.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { type RunningGateway, startGateway } from '../../src/main.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { withDataDir } from './data-dir.ts';
import { expectNoLeak, secretsOfConfig, secretsOfEnvironment } from './secret-leaks.ts';

export const API_KEY = 'sk_test_key_of_the_tests';
export const MASTER_KEY = 'mk_master_key_of_the_tests';
const VERSION = '9.9.9';

export interface TestGateway extends RunningGateway {
  /** Everything logged so far, one parsed line each. */
  readonly logged: readonly Record<string, unknown>[];
  /** The metrics page. */
  metrics(): Promise<string>;
  /** Writes another configuration to the file; nothing reloads by itself before the watcher has noticed. */
  writeConfig(text: string): void;
  /** Stops without waiting for grace, and removes the folder. Rejects if the log or the metrics contain a secret. */
  close(): Promise<void>;
}

interface TestGatewayOptions {
  /** Added to an address on a free port, a database and both keys; `undefined` takes one of them away. */
  env?: Readonly<Record<string, string | undefined>>;
  dev?: boolean;
}

/** Listens on a free port of 127.0.0.1 with SQLite and counters in memory, unless `env` says otherwise. */
export async function startTestGateway(config: string, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-test-'));
  const file = join(folder, 'gateway_config.yaml');
  const writeConfig = (text: string) => writeFileSync(file, withDataDir(text, folder));
  writeConfig(config);
  const lines: string[] = [];
  const logged: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => {
      lines.push(line);
      logged.push(JSON.parse(line));
    },
  };
  const env = {
    SERVER_HOST: '127.0.0.1',
    PORT: '0',
    DATABASE_URL: `sqlite:${join(folder, 'test.db')}`,
    TEST_API_KEY: API_KEY,
    MASTER_KEY,
    ...options.env,
  };
  const log = createLogger({ level: 'info', pretty: false, mask: [], destination });
  const running = await startGateway({ file, env, dev: options.dev ?? false, version: VERSION, log });
  const metrics = async () => (await running.deps.metrics.render()).body;
  return {
    ...running,
    logged,
    writeConfig,
    metrics,
    close: async () => {
      running.gateway.isDraining = true;
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
      const secrets = [...secretsOfEnvironment(env), ...secretsOfConfig(running.loaded)];
      expectNoLeak('the log', lines, secrets);
      expectNoLeak('the metrics page', (await metrics()).split('\n'), secrets);
    },
  };
}

/**
 * Starts gateways that end with the test; to be called while a suite is described. Of both keys each has only what `env`
 * says, the master key unless it says anything.
 */
export function makeGateways(): (config: string, options?: TestGatewayOptions) => Promise<TestGateway> {
  const started: TestGateway[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((gateway) => gateway.close()));
  });
  return async (config, { env = { MASTER_KEY }, dev = false } = {}) => {
    const gateway = await startTestGateway(config, {
      env: { TEST_API_KEY: undefined, MASTER_KEY: undefined, ...env },
      dev,
    });
    started.push(gateway);
    return gateway;
  };
}

/** Waits of a shutdown that suit tests; put under `settings:`. */
export const QUICK_SHUTDOWN = 'shutdown: { grace: 0s, drain: 200ms, flush: 2s }';
