import type { GatewayConfig, RouteConfig, RoutePath } from '../config/gateway-config.ts';
import { BEARER, type Components, type Scheme } from './components.ts';
import { exampleModelOf, type ModelOperation, modelOperationAt, modelOperationsOf } from './model-operations.ts';
import type { HttpMethod, Paths } from './paths.ts';
import { groupPaths, pathBelow, templateOf } from './route-paths.ts';

interface Sheets {
  readonly paths: Paths;
  readonly components: Components;
}

/** What a route is described with, whatever the operation. */
interface RouteSheet extends Sheets {
  readonly route: RouteConfig;
  readonly methods: readonly HttpMethod[];
  /** For examples. */
  readonly model: string;
  /** The text after the name of the operation. */
  readonly where: string;
  /** What a caller has to know about the route. */
  readonly about: string;
}

/** The usual ones, for routes that take any. */
const USUAL: readonly HttpMethod[] = ['get', 'post', 'put', 'patch', 'delete'];
/** Those that OpenAPI knows. */
const KNOWN: ReadonlySet<string> = new Set([...USUAL, 'head', 'options', 'trace']);
const WITH_BODY: ReadonlySet<HttpMethod> = new Set(['post', 'put', 'patch']);
const LONGER_THAN_ANY_PATH = 1_000_000;

/**
 * Adds the operations of routes: the known ones of models, and one per method on each path. Methods that OpenAPI does
 * not know are left out. As in routing, a path goes before wider ones.
 */
export function addRoutes(routes: readonly RouteConfig[], config: GatewayConfig, sheets: Sheets): void {
  const described = routes.flatMap((route) => {
    const sheet = sheetOf(route, config, sheets);
    sheets.paths.declareTag(sheet.where);
    return groupPaths(route.paths).map((group) => ({ group, sheet }));
  });
  described.sort((a, b) => widthOf(a.group.first) - widthOf(b.group.first));
  for (const { group, sheet } of described) addPath(group.first, group.others, sheet);
}

/** Wider patterns have greater numbers: those that leave the rest open after all others, and short ones after long. */
function widthOf({ pattern }: RoutePath): number {
  return (pattern.endsWith('/*') ? LONGER_THAN_ANY_PATH : 0) - pattern.length;
}

function sheetOf(route: RouteConfig, config: GatewayConfig, sheets: Sheets): RouteSheet {
  const methods = route.match.methods.map((method) => method.toLowerCase()).filter((method) => KNOWN.has(method));
  const service = route.service === undefined ? undefined : config.services[route.service];
  return {
    ...sheets,
    route,
    methods: route.match.methods.length === 0 ? USUAL : (methods as HttpMethod[]),
    model: exampleModelOf(route.kind, service?.models),
    where: route.service === undefined ? `route ${route.name}` : `${route.service} (${route.kind})`,
    about: aboutOf(route),
  };
}

function addPath(path: RoutePath, others: readonly RoutePath[], sheet: RouteSheet): void {
  const { route } = sheet;
  const also = others.map(({ pattern }) => `\`${templateOf(pattern)}\``).join(', ');
  const withAliases = also === '' ? sheet : { ...sheet, about: `${sheet.about} Also at ${also}.` };
  if (route.kind === 'http') return addPassed(path.pattern, withAliases);
  const only = modelOperationAt(path);
  if (only) return addModelOperation(only, path.pattern, withAliases);
  for (const operation of modelOperationsOf(route.kind, path))
    addModelOperation(operation, pathBelow(path.pattern, operation.path), sheet);
  addPassed(path.pattern, withAliases);
}

function addModelOperation(operation: ModelOperation, pattern: string, sheet: RouteSheet): void {
  const { route, methods, model, where, about, paths, components } = sheet;
  if (!methods.includes(operation.method)) return;
  const dialect = operation.name === 'messages' ? route.messages_dialect : route.dialect;
  const body = operation.body?.(model);
  const content = { 'application/json': { schema: operation.answer } };
  const streamed = operation.streams && { 'text/event-stream': { schema: { type: 'string' } } };
  const answer = { description: operation.answer.description, content: { ...content, ...streamed } };
  paths.add(templateOf(pattern), operation.method, {
    tag: where,
    isConditional: isConditional(route),
    summary: `${operation.summary}: ${where}`,
    description: about,
    members: {
      security: components.security(schemesOf(route)),
      ...(body && { requestBody: { required: true, content: { 'application/json': body } } }),
      responses: { 200: answer, ...components.errors(dialect, statusesOf(route, operation.method)) },
    },
  });
}

function addPassed(pattern: string, { route, methods, where, about, paths, components }: RouteSheet): void {
  for (const method of methods) {
    const requestBody = { description: 'Anything.', content: { '*/*': {} } };
    const isPassed = route.service !== undefined;
    paths.add(templateOf(pattern), method, {
      tag: where,
      isConditional: isConditional(route),
      summary: isPassed ? `Passed on to ${where}` : fixedSummary(route),
      description: about,
      members: {
        security: components.security(schemesOf(route)),
        ...(isPassed && WITH_BODY.has(method) && { requestBody }),
        responses: { ...answerOf(route), ...components.errors(route.dialect, statusesOf(route, method)) },
      },
    });
  }
}

function answerOf({ redirect, respond }: RouteConfig): object {
  const fixed = redirect ?? respond;
  if (fixed) return { [fixed.status]: { description: 'The whole answer.' } };
  return { '2XX': { description: 'What the service answers. Its own errors are passed on as they are.' } };
}

function isConditional({ match: { hosts, headers } }: RouteConfig): boolean {
  return hosts.length > 0 || Object.keys(headers).length > 0;
}

function fixedSummary({ name, redirect }: RouteConfig): string {
  return redirect ? `Redirects: route ${name}` : `Answers at once: route ${name}`;
}

function schemesOf({ policies: { auth } }: RouteConfig): readonly Scheme[] {
  if (auth === false) return [];
  // A key may be sent in either header; tokens only in `Authorization`.
  const takesKeys = auth.modes?.includes('api_key') ?? true;
  return takesKeys ? [{ kind: 'header', name: auth.header }, BEARER] : [BEARER];
}

/** Every status that a policy of the route may refuse with, or that reports a failing service. */
function statusesOf({ service, kind, policies }: RouteConfig, method: HttpMethod): number[] {
  const { auth, ip, limits, concurrency, idempotency } = policies;
  const isModel = kind !== 'http';
  return [
    ...(auth === false ? [] : [401, 403, 429]),
    ...(ip ? [403] : []),
    ...(limits.length + concurrency.length > 0 ? [429] : []),
    ...(WITH_BODY.has(method) ? [413] : []),
    ...(isModel ? [404] : []),
    ...(isModel && method === 'post' ? [400, 415, 422] : []),
    ...(idempotency ? [409, 422] : []),
    ...(service === undefined ? [] : [502, 503, 504]),
  ];
}

function aboutOf({ name, service, kind, match, policies }: RouteConfig): string {
  const quoted = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ');
  const headers = Object.keys(match.headers);
  const permissions = policies.authorize?.permissions ?? [];
  return [
    `Route \`${name}\`${service === undefined ? '' : ` to the ${kind} service \`${service}\``}.`,
    ...(match.hosts.length > 0 ? [`Only on ${quoted(match.hosts)}.`] : []),
    ...(headers.length > 0 ? [`Only with the right ${quoted(headers)}.`] : []),
    ...(permissions.length > 0 ? [`Takes the permissions ${quoted(permissions)}.`] : []),
  ].join(' ');
}
