import { beginLongExchanges, type LongExchange, startHoldingUpstream } from './long-exchanges.ts';
import { until } from './poll.ts';
import { QUICK_SHUTDOWN, startTestGateway, type TestGateway } from './start-gateway.ts';

interface ReloadReport {
  readonly failed: readonly string[];
  readonly finished: number;
  /** Health checks of removed services after the last reload and the last exchange. */
  readonly lateProbes: number;
  /** Lines of `gateway_in_flight` after everything has ended. */
  readonly inFlight: readonly string[];
}

/** How many reloads an exchange lives through. */
const LIVES = 3;

/** Every reload replaces every service, while exchanges of all kinds that began up to three reloads ago still run. */
export async function reloadUnderLongExchanges(reloads: number): Promise<ReloadReport> {
  const upstream = await startHoldingUpstream();
  const gateway = await startTestGateway(configOf(upstream.url, 0));
  const report = { failed: [] as string[], finished: 0 };
  try {
    const rounds: LongExchange[][] = [];
    for (let round = 0; round < reloads; round++) {
      rounds.push(await beginLongExchanges({ gateway: gateway.url, upstream }, String(round)));
      gateway.writeConfig(configOf(upstream.url, round + 1));
      const outcome = await gateway.reloader.reload();
      if (!outcome.ok) throw new Error(outcome.problems.join('\n'));
      if (rounds.length > LIVES) await finish(rounds.shift() ?? [], report);
    }
    for (const round of rounds) await finish(round, report);
    return { ...report, ...(await afterwards(gateway, upstream.paths, reloads)) };
  } finally {
    await gateway.close();
    await upstream.close();
  }
}

function configOf(url: string, generation: number): string {
  const base = `${url}/g${generation}`;
  const health = `health: { path: /alive/${generation}, interval: 100ms }`;
  return `
settings: { ${QUICK_SHUTDOWN} }
services:
  direct: { url: "${base}", ${health}, circuit_breaker: {}, retry: { attempts: 3, backoff: { initial: 400ms, max: 400ms } } }
  single: { url: "${base}", ${health}, concurrency: { limit: 1, per: service, queue: { max: 100, wait: 60s } } }
routes:
  - { name: fixed, match: { path: /fixed }, respond: { status: 200, body: ok } }
`;
}

async function finish(exchanges: readonly LongExchange[], report: { failed: string[]; finished: number }) {
  const ended = exchanges.map(async ({ kind, finish: end }) => {
    await end().catch((error: unknown) => report.failed.push(`${kind}: ${String(error)}`));
    report.finished++;
  });
  await Promise.all(ended);
}

async function afterwards(gateway: TestGateway, paths: readonly string[], last: number) {
  await fetch(`${gateway.url}/fixed`);
  await until(() => gateway.gateway.running.size === 0);
  // Two more checks of the service that stayed: time enough for one that should have stopped.
  const from = paths.length;
  const isLast = (path: string): boolean => path === `/alive/${last}`;
  await until(() => paths.slice(from).filter(isLast).length >= 4);
  const lateProbes = paths.slice(from).filter((path) => !isLast(path)).length;
  const metrics = await gateway.metrics();
  return { lateProbes, inFlight: metrics.split('\n').filter((line) => line.startsWith('gateway_in_flight{')) };
}
