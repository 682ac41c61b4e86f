import type { RouteConfig, RoutePath } from '../config/gateway-config.ts';
import type { Settings } from '../config/settings-schema.ts';
import type { Dependencies } from '../policies/policy-dependencies.ts';
import type { UpstreamPlan } from '../exchange/exchange.ts';
import { RelayPlan } from '../llm/relay-plan.ts';
import type { AccessStep, AnyAccessPolicy, RouteContext } from '../policies/policy.ts';
import { ACCESS_ORDER } from '../policies/registry.ts';
import { RequestHeaders } from '../upstream/request-headers.ts';
import { ResponseHeaders } from '../upstream/response-headers.ts';
import { CompiledRoute } from './compiled-route.ts';
import type { Destination } from './destination.ts';
import { fixedAnswer } from './fixed-answer.ts';
import type { RouteEntry } from './route-table.ts';
import { compileRewrite } from './upstream-path.ts';
import type { UpstreamService } from './upstream-service.ts';

/** The table entries of one route: one per path, because each path has its own way to the upstream. */
export function compileRoute(
  config: RouteConfig,
  services: ReadonlyMap<string, UpstreamService>,
  settings: Settings,
  deps: Dependencies,
): RouteEntry<Destination>[] {
  const upstream = config.service === undefined ? undefined : services.get(config.service);
  const parts = {
    name: config.name,
    dialect: config.dialect,
    steps: [...accessSteps(config, upstream, deps), ...fixedAnswer(config)],
    upstream,
    responseHeaders: new ResponseHeaders(config.kind, config.policies.headers, deps.viaPseudonym),
    metrics: deps.metrics.service(upstream?.service ?? config.name),
    limitHeaders: settings.limit_headers,
  };
  const route = new CompiledRoute(parts);
  const { messages_dialect: dialect } = config;
  const forMessages = dialect === config.dialect ? route : new CompiledRoute({ ...parts, dialect });
  return config.paths.map((path) => {
    const plan = upstream && planFor(config, path, deps);
    return { value: { kind: 'route', route, forMessages, plan }, paths: [path.pattern], ...config.match };
  });
}

/** The steps of every policy the route configures, in the registry's order. */
function accessSteps(config: RouteConfig, upstream: UpstreamService | undefined, deps: Dependencies): AccessStep[] {
  const at: RouteContext = { route: config.name, service: config.service, kind: config.kind, upstream };
  const made = ACCESS_POLICIES.flatMap((policy) => stepsOf(policy, config, deps, at));
  return made.toSorted((a, b) => placeOf(a) - placeOf(b));
}

const ACCESS_POLICIES = [...new Set<AnyAccessPolicy>(ACCESS_ORDER.map(([, policy]) => policy))];
const PLACES = new Map<string, number>(ACCESS_ORDER.map(([step], place) => [step, place]));

function placeOf({ name }: AccessStep): number {
  const place = PLACES.get(name);
  if (place === undefined) throw new Error(`the access step ${name} has no place in ACCESS_ORDER`);
  return place;
}

function stepsOf(
  policy: AnyAccessPolicy,
  config: RouteConfig,
  deps: Dependencies,
  at: RouteContext,
): readonly AccessStep[] {
  const section = config.policies[policy.name as keyof RouteConfig['policies']];
  if (section === false) return policy.createOff?.() ?? [];
  return section === undefined ? [] : policy.create(section as never, deps, at);
}

function planFor(config: RouteConfig, path: RoutePath, { viaPseudonym, turns }: Dependencies): UpstreamPlan {
  const rewrite = compileRewrite(path, config.operation);
  const headers = new RequestHeaders(config.kind, config.policies.headers, viaPseudonym);
  const parts: Omit<UpstreamPlan, 'requestFor'> = {
    timeouts: config.policies.timeout,
    strippedPrefix: path.strip_prefix,
    pathFor: ({ edge, params }) => rewrite(edge.path, params),
  };
  if (config.kind !== 'http') return new RelayPlan({ ...parts, headers, turns });
  return {
    ...parts,
    requestFor: (exchange, target) => ({
      path: target.basePath + parts.pathFor(exchange) + exchange.edge.query,
      headers: headers.build(exchange, target, exchange.body.sendLength),
      body: exchange.body.payload(),
    }),
  };
}
