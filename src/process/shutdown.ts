import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenDependencies } from './open-dependencies.ts';
import type { Gateway } from '../gateway.ts';
import type { Sockets } from './sockets.ts';

/** How often a drain looks whether everything has ended. */
const LOOK_EVERY_MS = 20;
/** Time for clients to read last events, answers and close frames. */
const LAST_WORDS_MS = 1_500;
/** Time for destroyed exchanges to be counted. */
const SETTLE_MS = 500;
/** Time for a request that is already on its way on a new connection. */
const FIRST_WORDS_MS = 500;

/**
 * How a gateway ends: `announced` to balancers before anything else, `at_once`, or `replaced` by another process on the
 * same sockets.
 */
export type Ending = 'announced' | 'at_once' | 'replaced';

/**
 * Ends a gateway in order. `/ready` turns 503 and answers ask clients to leave while balancers notice (`grace`). Then no
 * connection is accepted, and running exchanges may finish (`drain`). Those that are left are ended: 503 where nothing
 * was answered, one error event in an event stream, close frame 1001 in a tunnel. The stores write pending data
 * (`flush`). It takes at most the sum of the three and two seconds.
 */
export async function shutDown(
  gateway: Gateway,
  sockets: Sockets,
  deps: OpenDependencies,
  ending: Ending,
): Promise<void> {
  const { drain, flush, ...settings } = gateway.config.settings.shutdown;
  const grace = ending === 'announced' ? settings.grace : 0;
  gateway.isDraining = true;
  deps.log.info({ running: gateway.running.size, grace_ms: grace, drain_ms: drain }, 'shutting down');
  if (ending === 'replaced') sockets.leave();
  await quietWithin(gateway, ending === 'replaced' ? FIRST_WORDS_MS : grace, { mayEndEarly: false });
  sockets.stopAccepting();
  const isQuiet = await quietWithin(gateway, drain, { mayEndEarly: true });
  if (!isQuiet) {
    const left = { running: gateway.running.size, tunnels: gateway.tunnels.size };
    deps.log.warn(left, 'the drain time is over: cutting what is left');
    gateway.cutWhatIsLeft();
    await quietWithin(gateway, LAST_WORDS_MS, { mayEndEarly: true });
  }
  sockets.destroy();
  gateway.tunnels.closeAll();
  // The exchanges just cut end when their sockets have closed: their records must be there before the last flush.
  await quietWithin(gateway, SETTLE_MS, { mayEndEarly: true });
  await Promise.race([Promise.all([gateway.close(), deps.close()]), sleep(flush, undefined, { ref: false })]);
}

/** Resolves with true if nothing is running. */
async function quietWithin(gateway: Gateway, ms: number, { mayEndEarly }: { mayEndEarly: boolean }): Promise<boolean> {
  const end = performance.now() + ms;
  const isQuiet = (): boolean => gateway.running.size === 0;
  while (performance.now() < end) {
    if (mayEndEarly && isQuiet()) return true;
    await sleep(Math.min(LOOK_EVERY_MS, ms));
  }
  return isQuiet();
}
