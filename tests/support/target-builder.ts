import { isOffered } from '../../src/upstream/balancer.ts';
import { type Balancer, type ServiceTargets, Target } from '../../src/upstream/targets.ts';

/** A target by name that serves these models, or all; nothing listens there. */
export function buildTarget(name: string, weight = 1, models?: readonly string[]): Target {
  return new Target({
    name,
    origin: `http://${name}`,
    authority: name,
    basePath: '',
    weight,
    maxConnections: 10_000,
    models,
  });
}

/** A service of these targets, or of targets of these names, which are offered in order, untried ones first. */
export function buildService(
  list: readonly (string | Target)[],
  kind: ServiceTargets['kind'] = 'http',
): ServiceTargets {
  const targets = list.map((target) => (typeof target === 'string' ? buildTarget(target) : target));
  const pick: Balancer = (tried, exchange) => {
    const available = targets.filter((target) => isOffered(target, exchange));
    return available.find((target) => !tried.includes(target)) ?? available[0];
  };
  return { service: 'sample', kind, targets, pick };
}
