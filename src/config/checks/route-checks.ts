import { closestWord } from '../../lib/closest-word.ts';
import type { Path } from '../config-error.ts';
import { isReservedPattern } from '../own-paths.ts';
import { capturesOf, patternMistake } from '../path-pattern.ts';
import { type Checks, checkNothingOfModels, checkPolicies } from './policy-checks.ts';
import type { ServiceKind } from '../../lib/service-kind.ts';
import type { ConfigFile, RouteFields } from '../schema.ts';

/** Rules of `routes`, each route by itself and their names among each other. */
export function checkRoutes(file: ConfigFile, checks: Checks): void {
  const names = new Set<string>();
  file.routes.forEach((route, i) => {
    const path = ['routes', i];
    if (names.has(route.name)) checks.fail([...path, 'name'], `another route has the name "${route.name}"`);
    names.add(route.name);
    checkAnswer(route, path, file, checks);
    checkPaths(route, path, checks);
    checkRewrite(route, path, checks);
    checkPolicies(route, path, checks);
    if (kindOf(route, file) === 'http') checkNothingOfModels(route, path, checks);
    if (route.timeout?.connect !== undefined) checks.fail([...path, 'timeout', 'connect'], 'belongs to the service');
  });
}

function kindOf({ service }: RouteFields, { services }: ConfigFile): ServiceKind {
  return service !== undefined && Object.hasOwn(services, service) ? (services[service]?.kind ?? 'http') : 'http';
}

function checkAnswer(route: RouteFields, path: Path, { services }: ConfigFile, { fail }: Checks): void {
  const answers = (['service', 'redirect', 'respond'] as const).filter((key) => route[key] !== undefined);
  if (answers.length === 0) fail(path, 'needs service, redirect or respond');
  if (answers.length > 1)
    fail([...path, answers[1] as string], `stands beside ${String(answers[0])}: write one of them`);
  const { service } = route;
  if (service === undefined) return;
  if (!Object.hasOwn(services, service)) fail([...path, 'service'], unknownService(service, Object.keys(services)));
  else if (route.name !== service && Object.hasOwn(services, route.name))
    fail([...path, 'name'], 'is the name of another service');
  else if (route.name === service && services[service]?.default_routes)
    fail([...path, 'name'], 'is taken by the default routes of the service');
}

function checkPaths(route: RouteFields, path: Path, { fail }: Checks): void {
  patternsOf(route, path).forEach(([pattern, at]) => {
    const mistake = patternMistake(pattern);
    if (mistake !== undefined) fail(at, mistake);
    else if (isReservedPattern(pattern, route.match.hosts.length > 0)) fail(at, 'belongs to the gateway itself');
  });
}

function checkRewrite(route: RouteFields, path: Path, { fail }: Checks): void {
  const patterns = patternsOf(route, path).map(([pattern]) => pattern);
  const prefix = route.rewrite?.strip_prefix;
  const template = route.rewrite?.path;
  if (route.rewrite && (prefix === undefined) === (template === undefined))
    fail([...path, 'rewrite'], 'needs strip_prefix or path, one of them');
  if (prefix !== undefined && !patterns.every((pattern) => isPrefix(prefix, pattern))) {
    fail([...path, 'rewrite', 'strip_prefix'], 'is not the beginning of every path of the route');
  }
  if (template !== undefined) checkTemplate(template, patterns, [...path, 'rewrite', 'path'], { fail });
  const to = route.redirect?.to;
  if (to?.endsWith('/*') && !patterns.every((pattern) => capturesOf(pattern).has('*'))) {
    fail([...path, 'redirect', 'to'], 'carries the rest with *, but a path of the route has none');
  }
  if (route.rewrite && route.service === undefined) fail([...path, 'rewrite'], 'has no meaning without a service');
}

function checkTemplate(
  template: string,
  patterns: readonly string[],
  path: Path,
  { fail }: Pick<Checks, 'fail'>,
): void {
  const mistake = patternMistake(template);
  if (mistake !== undefined) return fail(path, mistake);
  for (const capture of capturesOf(template)) {
    if (!patterns.every((pattern) => capturesOf(pattern).has(capture)))
      fail(path, `uses ${capture}, which a path of the route does not have`);
  }
}

function isPrefix(prefix: string, pattern: string): boolean {
  const base = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return prefix === '/' || pattern === prefix || pattern.startsWith(base);
}

function patternsOf(route: RouteFields, path: Path): [pattern: string, at: Path][] {
  const also = route.also.map((pattern, i): [string, Path] => [pattern, [...path, 'also', i]]);
  return [[route.match.path, [...path, 'match', 'path']], ...also];
}

/** Names are compared with a bounded number of services: a file may have thousands of both. */
function unknownService(name: string, services: readonly string[]): string {
  const near = closestWord(name, services.slice(0, 1_000));
  return `unknown service "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`;
}
