/**
 * Measures the gateway beside its peers and prints one table. All systems run at once and take turns: each round visits
 * them in the opposite order of the round before (ABBA), so that drift of the machine falls on all alike.
 *
 *   npm run bench -- [--rounds 4] [--seconds 2] [--only <part of a name>]
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Load, measure, probe, type Sample } from './load.ts';
import { isInstalled, stop } from './processes.ts';
import { ratios, ratioTable, type Row, systemTable, verdict } from './report.ts';
import { allSystems, startRedis, startUpstream, type Surroundings, type System } from './systems.ts';

const WARM_UP_SECONDS = 1;

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly only: string;
}

interface Running {
  readonly system: System;
  readonly load: Load;
  readonly pid: number;
  readonly samples: Sample[];
}

async function run(plan: Plan, around: Surroundings): Promise<{ rows: Row[]; ceiling: number }> {
  const systems = allSystems().filter(({ name }) => name.includes(plan.only));
  const running = await startAll(systems, around);
  const upstream = { url: around.upstream, key: '', routes: 0, expects: 200 };
  const ceiling = (await measure(upstream, process.pid, plan.seconds)).requestsPerSecond;
  for (const { load, pid } of running) await measure(load, pid, WARM_UP_SECONDS);
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const { load, pid, samples } of round % 2 === 0 ? running : running.toReversed()) {
      samples.push(await measure(load, pid, plan.seconds));
    }
    process.stderr.write(`round ${round + 1} of ${plan.rounds}, load average ${loadavg()[0]?.toFixed(2)}\n`);
  }
  const rows = systems.map(({ name, missing }) => {
    return { name, missing, samples: running.find(({ system }) => system.name === name)?.samples ?? [] };
  });
  return { rows, ceiling };
}

/** A system that cannot be started or does not answer as it should is reported and left out. */
async function startAll(systems: readonly System[], around: Surroundings): Promise<Running[]> {
  const processes = new Map<string, Promise<{ url: string; pid: number }>>();
  const running: Running[] = [];
  for (const system of systems.filter(({ missing }) => missing === undefined)) {
    try {
      const starting = processes.get(system.process) ?? system.start(around);
      processes.set(system.process, starting);
      const { url, pid } = await starting;
      const load = system.load(url);
      if (load.expects === 429) await probe({ ...load, expects: 200 });
      await probe(load);
      running.push({ system, load, pid, samples: [] });
    } catch (error) {
      process.stderr.write(`${system.name}: ${String(error)}\n`);
    }
  }
  return running;
}

function writeResults(plan: Plan, rows: readonly Row[], ceiling: number): string {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const at = new Date().toISOString();
  const file = join(folder, `${at.replaceAll(':', '-')}.json`);
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version, load: loadavg() };
  writeFileSync(file, `${JSON.stringify({ at, machine, plan, ceiling, rows, ratios: ratios(rows) }, undefined, 2)}\n`);
  return file;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string', default: '' },
    },
  });
  const missing = ['wrk', 'taskset'].filter((tool) => !isInstalled(tool));
  if (missing.length > 0 || availableParallelism() < 2) {
    console.error(`The benchmark needs two cores and ${missing.join(' and ') || 'nothing else'}.`);
    process.exitCode = 1;
    return;
  }
  const plan = { rounds: Number(values.rounds), seconds: Number(values.seconds), only: values.only };
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-bench-'));
  const children: ChildProcess[] = [];
  try {
    const redis = await startRedis(folder, children);
    const upstream = await startUpstream(folder, children);
    const { rows, ceiling } = await run(plan, { upstream, redis, folder, children });
    console.log(`\n${systemTable(rows, ceiling)}\n\n${ratioTable(rows)}\n${verdict(rows)}`);
    console.log(`written to ${writeResults(plan, rows, ceiling)}`);
  } finally {
    await Promise.all(children.map(stop));
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
