import { keysOn, POLICIES, type PolicyKey } from '../policies/schemas.ts';
import type { LimitLevelConfig } from '../policies/limits/schema.ts';
import type { Path } from './config-error.ts';
import type { RouteConfig } from './gateway-config.ts';
import type { LoadedConfig } from './load.ts';
import type { ModelsFields } from './schema.ts';
import { displaySection } from './text/display.ts';
import { asNode, isRecord, type SchemaNode } from './text/normalize.ts';
import type { Origins } from './origins.ts';
import { writtenForm } from './text/written-form.ts';

/** One effective value of a route. */
export interface ExplainedValue {
  /** `timeout.idle`, `limits.service.limits[0].limit` */
  readonly key: string;
  /** As one would write it: `60s`, `16KiB`, `off`; secrets are `[redacted]`. */
  readonly value: string;
  /** `default`, `gateway_config.yaml:14:7`, or the variable with its source. */
  readonly origin: string;
}

/** Their parts stand on several levels, each with an origin of its own. */
type Combined = 'rate_limit' | 'budget' | 'concurrency' | 'timeout';
const COMBINED: readonly string[] = ['rate_limit', 'budget', 'concurrency', 'timeout'] satisfies Combined[];
const INHERITED = keysOn('routes').filter((key): key is Exclude<typeof key, Combined> => !COMBINED.includes(key));

/**
 * Every value that acts on requests of a route, with its origin, in the order a request meets them. `dialect` is the one
 * of the route's two that the path has.
 */
export function explainRoute(
  { config, origins }: LoadedConfig,
  route: RouteConfig,
  dialect = route.dialect,
): ExplainedValue[] {
  const layers = layersOf(origins, route);
  const service = route.service === undefined ? undefined : config.services[route.service];
  const explainer = new Explainer(origins, layers);
  return [
    explainer.value('dialect', dialect),
    ...INHERITED.flatMap((key) => explainer.policy(key, route.policies[key])),
    ...(service?.models ? explainer.models(service.models) : []),
    ...route.policies.limits.flatMap((level) => explainer.limits(level)),
    ...route.policies.concurrency.flatMap(({ level, id: _id, ...line }) => explainer.concurrency(level, line)),
    ...explainer.fields('timeout', route.policies.timeout),
    ...(service ? keysOn('services').flatMap((key) => explainer.policy(key, service[key])) : []),
    ...(service ? [explainer.value('balance', service.balance)] : []),
    ...(service ? service.targets.map((target, i) => explainer.target(i, target.url)) : []),
  ];
}

/** Where a policy of this route may be written, innermost first. */
function layersOf(origins: Origins, route: RouteConfig): Path[] {
  const own = origins.pathOf(route) ?? [];
  if (route.service === undefined) return [own];
  const outer: Path[] = [['services', route.service], ['defaults']];
  return route.implied ? outer : [own, ...outer];
}

class Explainer {
  private readonly origins: Origins;
  private readonly layers: readonly Path[];

  constructor(origins: Origins, layers: readonly Path[]) {
    this.origins = origins;
    this.layers = layers;
  }

  /** A plain key: the innermost layer that writes it decides. */
  value(key: string, value: string): ExplainedValue {
    return { key, value, origin: this.origins.of([...this.layerOf(key), key]) };
  }

  /** A policy that one layer decides whole. */
  policy(key: PolicyKey, value: unknown): ExplainedValue[] {
    const at = [...this.layerOf(key), key];
    return leaves(asNode(POLICIES[key].schema), displaySection(value)).map(({ path, text }) =>
      this.leaf(key, path, text, at),
    );
  }

  /** A policy that is merged field by field: each field has a layer of its own. */
  fields(key: 'timeout', value: object): ExplainedValue[] {
    return leaves(asNode(POLICIES[key].schema), value)
      .filter(({ path }) => path[0] !== 'idle_streamed')
      .map(({ path, text }) => this.leaf(key, path, text, [...this.layerOf(key, path), key]));
  }

  /** What is empty says nothing, and the limits of a model stand with all others. */
  models(models: ModelsFields): ExplainedValue[] {
    const at = [...this.layerOf('models'), 'models'];
    return namedLeaves(models)
      .filter(({ path, text }) => text !== '[]' && path[2] !== 'rate_limit')
      .map(({ path, text }) => this.leaf('models', path, text, at));
  }

  limits(limits: LimitLevelConfig): ExplainedValue[] {
    const { level, id, model } = limits;
    const of = level === 'tier' ? `tier ${id}` : model === undefined ? level : `model ${model}`;
    return (['rate_limit', 'budget'] as const).flatMap((key) => {
      const found = leaves(asNode(POLICIES[key].schema), limits[key]);
      const at = [...this.limitLayer(level, model ?? id, key), key];
      return found.map(({ path, text }) => this.leaf(`${key} (${of})`, path, text, at));
    });
  }

  concurrency(level: 'service' | 'route', value: unknown): ExplainedValue[] {
    const at = [...this.levelLayer(level, 'concurrency'), 'concurrency'];
    const found = leaves(asNode(POLICIES.concurrency.schema), value);
    return found.map(({ path, text }) => this.leaf(`concurrency (${level})`, path, text, at));
  }

  target(index: number, url: string): ExplainedValue {
    const service = this.layers.find((layer) => layer[0] === 'services') ?? [];
    const short = [...service, 'url'];
    const path = this.origins.isWritten(short) ? short : [...service, 'targets', index, 'url'];
    return { key: `targets[${index}].url`, value: url, origin: this.origins.of(path) };
  }

  private leaf(key: string, path: Path, value: string, at: Path): ExplainedValue {
    const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
    // One entry may be written without its list.
    const isListed = path[0] !== 0 || this.origins.isWritten([...at, 0]);
    return { key: key + steps.join(''), value, origin: this.origins.of([...at, ...(isListed ? path : path.slice(1))]) };
  }

  private layerOf(key: string, below: Path = []): Path {
    const layer = this.layers.find((candidate) => this.origins.isWritten([...candidate, key, ...below]));
    return layer ?? this.layers.at(-1) ?? [];
  }

  private limitLayer(level: LimitLevelConfig['level'], id: string, key: 'rate_limit' | 'budget'): Path {
    if (level === 'settings') return ['settings'];
    if (level === 'model') return [...this.levelLayer('service', 'models'), 'models', 'entries', id];
    return level === 'tier' ? ['tiers', id] : this.levelLayer(level, key);
  }

  private levelLayer(level: 'service' | 'route', key: string): Path {
    if (level === 'route') return this.layers[0] ?? [];
    const outer = this.layers.filter((layer) => layer[0] !== 'routes');
    return outer.find((layer) => this.origins.isWritten([...layer, key])) ?? [];
  }
}

/** The values of a section without sections below them; a list without sections is one value. */
function leaves(schema: SchemaNode, value: unknown): { path: Path; text: string }[] {
  if (value === undefined) return [];
  if (isRecord(value) && schema.properties) {
    const { properties } = schema;
    return Object.entries(value).flatMap(([key, item]) => below(key, leaves(properties[key] ?? {}, item)));
  }
  if (Array.isArray(value) && schema.items?.properties) {
    const { items } = schema;
    return value.flatMap((item, i) => below(i, leaves(items, item)));
  }
  const written = writtenForm(schema, value);
  return [{ path: [], text: textOf(written) }];
}

/** The same for a section whose keys are names that somebody chose. */
function namedLeaves(value: unknown): { path: Path; text: string }[] {
  if (value === undefined) return [];
  if (!isRecord(value)) return [{ path: [], text: textOf(value) }];
  return Object.entries(value).flatMap(([key, item]) => below(key, namedLeaves(item)));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function below(step: string | number, found: { path: Path; text: string }[]): { path: Path; text: string }[] {
  return found.map(({ path, text }) => ({ path: [step, ...path], text }));
}
