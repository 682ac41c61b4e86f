import cluster from 'node:cluster';
import type { Flags } from '../../config/env.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { RunningGateway } from '../../main.ts';
import type { Channel } from '../../process/fleet/dialogue.ts';
import { countWorkers } from '../../process/fleet/count-workers.ts';
import type { FleetMember } from '../../process/fleet/fleet-member.ts';
import { noteAddress } from '../../process/address-note.ts';
import { announceDevelopment } from '../announce.ts';
import { type Samples, startSamples } from '../samples.ts';

interface StartFlags {
  readonly config: string;
  readonly dev?: true;
  readonly host?: string;
  readonly port?: string;
  readonly inferenceUrl?: string;
  readonly rateLimitMinute?: string;
  readonly rateLimitHour?: string;
  readonly corsOrigins?: string;
}

/** Starts the gateway and leaves it running. Throws what an operator has to mend. */
export async function start(options: StartFlags, version: string): Promise<void> {
  const dev = options.dev ?? false;
  const file = options.config;
  // The samples start while this process loads the gateway.
  const samples = dev && cluster.isPrimary ? startSamples() : undefined;
  const { loadConfig } = await import('../../config/load.ts');
  const source = { file, flags: flagsOf(options), dev };
  const loaded = await loadConfig(source);
  const { workers } = loaded.config.settings;
  if (cluster.isPrimary && workers !== 1) {
    const { startWorkers } = await import('../start-workers.ts');
    return startWorkers({ file, dev, version, loaded, samples });
  }
  const { ownProcess, startGateway } = await import('../../main.ts');
  const fleet = cluster.isWorker ? await joinFleet(loaded) : undefined;
  const running = await startGateway({ ...source, version, loaded, fleet });
  ownProcess(running, { isAlone: !fleet });
  noteAddress(file, running.url);
  if (fleet) await fleet.begin(running);
  else await announce(running, { dev, version, file, samples });
}

async function joinFleet({ config }: LoadedConfig): Promise<FleetMember> {
  const { FleetMember: Member } = await import('../../process/fleet/fleet-member.ts');
  // A worker is always started with a channel.
  return new Member(process as Channel, countWorkers(config.settings));
}

function flagsOf(options: StartFlags): Flags {
  return {
    '--host': options.host,
    '--port': options.port,
    '--inference-url': options.inferenceUrl,
    '--rate-limit-minute': options.rateLimitMinute,
    '--rate-limit-hour': options.rateLimitHour,
    '--cors-origins': options.corsOrigins,
  };
}

interface Announcement {
  readonly dev: boolean;
  readonly version: string;
  readonly file: string;
  readonly samples: Samples | undefined;
}

async function announce(running: RunningGateway, { dev, version, file, samples }: Announcement): Promise<void> {
  const readyMs = Math.round(process.uptime() * 1000);
  const [{ logSummary }, { flushLogger }] = await Promise.all([
    import('../start-summary.ts'),
    import('../../telemetry/logger.ts'),
  ]);
  const { log, loaded, deps, keys, url } = running;
  logSummary({ ...running, database: deps.database.shown }, dev);
  log.info(`ready in ${readyMs} ms, listening on ${url}`);
  for (const problem of (await samples?.settled) ?? []) log.warn(problem);
  flushLogger(log);
  if (keys.shown)
    await announceDevelopment({ keys: keys.shown, version, file, readyMs, url, database: deps.database.shown, loaded });
}
