import { type Balancer, type ServiceTargets, Target } from '../../src/upstream/targets.ts';

/** A target by name; nothing listens there. */
export function buildTarget(name: string, weight = 1): Target {
  return new Target({
    name,
    origin: `http://${name}`,
    authority: name,
    basePath: '',
    weight,
    maxConnections: 10_000,
  });
}

/** A service whose targets are offered in order, untried ones first. */
export function buildService(names: readonly string[], kind: ServiceTargets['kind'] = 'http'): ServiceTargets {
  const targets = names.map((name) => buildTarget(name));
  const pick: Balancer = (tried) => {
    const available = targets.filter((target) => target.isAvailable);
    return available.find((target) => !tried.includes(target)) ?? available[0];
  };
  return { service: 'sample', kind, targets, pick };
}
