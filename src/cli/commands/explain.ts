import { explainRoute } from '../../config/explain.ts';
import type { GatewayConfig, RouteConfig, RoutePath } from '../../config/gateway-config.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import { RESERVED_PATHS, RESERVED_TREES } from '../../config/own-paths.ts';
import { canonicalPath } from '../../edge/canonical-path.ts';
import { HeaderList } from '../../edge/header-list.ts';
import { Rejection } from '../../errors/rejection.ts';
import { readOperation } from '../../llm/operation.ts';
import { OperationList } from '../../llm/operation-list.ts';
import { findProvider } from '../../llm/providers/find-provider.ts';
import { type RouteLookup, RouteTable } from '../../routing/route-table.ts';
import { isOfMessagesApi } from '../../routing/upstream-path.ts';
import { compileRewrite } from '../../routing/upstream-path.ts';
import { renderTable } from '../table.ts';
import { UsageError } from '../failure.ts';

interface ExplainOptions {
  readonly config: string;
  readonly host: string;
  /** `name: value` each. */
  readonly header?: readonly string[];
}

interface Asked {
  readonly method: string;
  /** Canonical. */
  readonly path: string;
}

interface Way {
  readonly route: RouteConfig;
  readonly path: RoutePath;
}

/** Prints what becomes of a request. Exit code 1 when no route and no endpoint takes it. */
export async function explain(method: string, target: string, options: ExplainOptions): Promise<void> {
  const loaded = await loadConfig({ file: options.config, dev: true });
  const [path = '', query] = target.split('?', 2);
  const canonical = canonicalPath(path);
  if (canonical instanceof Rejection) throw new UsageError(`400 ${canonical.code}: ${canonical.detail}`);
  const asked = {
    method: method.toUpperCase(),
    path: canonical.path,
    host: options.host.toLowerCase(),
    headers: HeaderList.from((options.header ?? []).flatMap(readHeader)),
  };
  const lookup = tableOf(loaded.config).find(asked);
  console.log(`${asked.method} ${asked.path}`);
  for (const line of describe(lookup, loaded, asked, query)) console.log(line);
  if (lookup.kind !== 'found') process.exitCode = 1;
}

function readHeader(line: string): [string, string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--header must read "name: value", not ${line}`);
  return [name, value];
}

/** `undefined` means the gateway's own endpoints. */
function tableOf({ routes }: GatewayConfig): RouteTable<Way | undefined> {
  const ownPaths = [...RESERVED_PATHS, ...RESERVED_TREES.map((tree) => `${tree}/*`)];
  const own = { value: undefined, hosts: [], paths: ownPaths, methods: [], headers: {} };
  const configured = routes.flatMap((route) =>
    route.paths.map((path) => ({ ...route.match, value: { route, path }, paths: [path.pattern] })),
  );
  return new RouteTable<Way | undefined>([own, ...configured]);
}

function describe(lookup: RouteLookup<Way | undefined>, loaded: LoadedConfig, asked: Asked, query?: string): string[] {
  if (lookup.kind === 'nothing') return ['404: no route matches this host and path'];
  if (lookup.kind === 'wrong_method') return [`405: allowed here are ${lookup.allow.join(', ')}`];
  const way = lookup.value;
  if (way === undefined) return ['answered by the gateway itself'];
  const { route } = way;
  const facts = [
    ['route', route.name, placeOf(loaded, route)],
    ['path', way.path.pattern, ''],
    ...goesTo(way, loaded.config, asked, lookup.params).map((to) => [
      'to',
      query === undefined ? to : `${to}?${query}`,
      '',
    ]),
  ];
  const dialect = isOfMessagesApi(asked.path) ? route.messages_dialect : route.dialect;
  const values = explainRoute(loaded, route, dialect);
  return renderTable([...facts, ...values.map(({ key, value, origin }) => [key, value, origin])]);
}

function placeOf({ origins }: LoadedConfig, route: RouteConfig): string {
  const place = origins.of(origins.pathOf(route) ?? []);
  return route.implied ? `implied by ${place}` : place;
}

function goesTo(
  way: Way,
  config: GatewayConfig,
  { method, path }: Asked,
  params: Readonly<Record<string, string>>,
): string[] {
  const { route } = way;
  if (route.redirect) return [`${route.redirect.status} ${route.redirect.to}`];
  if (route.respond) return [`${route.respond.status} by the gateway`];
  const rest = compileRewrite(way.path, route.operation)(path, params);
  const { targets = [], models, operations } = config.services[route.service ?? ''] ?? {};
  const call = route.operation ? readOperation(rest) : undefined;
  const refused = call && new OperationList(operations, route.service ?? '').judge(method, call);
  if (refused) return [`${refused.status}: ${refused.detail}`];
  const isListed = call?.operation === 'models' && (method === 'GET' || method === 'HEAD');
  if (isListed && Object.keys(models?.entries ?? {}).length > 0) return ['the models of the service, by the gateway'];
  return targets.map(({ url, provider }) => {
    const sent = call ? findProvider(provider).pathOf(call) : rest;
    return sent === undefined ? `404: ${provider} has no ${rest}` : url.replace(/\/+$/, '') + sent;
  });
}
