import { Turns } from '../lib/turns.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { systemClock } from '../lib/clock.ts';
import { Shelf } from '../lib/shelf.ts';
import { BreakerBank } from '../policies/circuit-breaker/breaker-bank.ts';
import { compileConfig, type OwnPaths } from './compile-config.ts';
import { edgeRulesFor } from './edge-rules.ts';

const VIA = 'turnpike-trial';

/**
 * Compiles a configuration exactly as a start does, and lets go of the result. It opens no store, connection or socket.
 * Throws the errors that a start would throw.
 */
export function tryCompile(config: GatewayConfig, ownPaths: OwnPaths): void {
  const holding = new Shelf().hold();
  const breakers = new BreakerBank({ clock: systemClock, log: inert(), metrics: inert() });
  try {
    edgeRulesFor(config, { viaPseudonym: VIA, opened: config.settings });
    const { callerLimits } = compileConfig(config, ownPaths, {
      clock: systemClock,
      log: inert(),
      metrics: inert(),
      viaPseudonym: VIA,
      breakers,
      counters: inert(),
      directory: inert(),
      tokens: inert(),
      failedAuth: inert(),
      usage: inert(),
      turns: new Turns(),
      callerShare: config.settings.limits.caller_share,
      idempotency: () => new Promise(() => {}),
      shelf: holding,
    });
    callerLimits();
  } finally {
    holding.release();
    breakers.close();
  }
}

/** Replaces dependencies that are used only while requests run: every member is a function that does nothing. */
function inert(): never {
  return new Proxy(() => {}, {
    get: (_target, name) => (name === 'then' ? undefined : inert()),
    apply: () => inert(),
  }) as never;
}
