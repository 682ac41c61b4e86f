import { canonicalPath } from '../edge/canonical-path.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';

/** How a matched path is changed before it is appended to the target's base path. At most one of the two is given. */
export interface PathRewrite {
  readonly strip_prefix: string | undefined;
  readonly rewrite_path: string | undefined;
}

type Rewriter = (path: string, params: Readonly<Record<string, string>>) => string;

/**
 * Compiles the way from the client's canonical path to the part of the upstream's path behind the target's base. The
 * result always starts with a slash, so the base path stays its prefix whatever the client sent.
 * `operation`: a leading `/v1` is dropped, because the base path of such a target ends with its own.
 */
export function compileRewrite(rewrite: PathRewrite, operation: boolean): Rewriter {
  const inner = innerRewriter(rewrite);
  return operation ? (path, params) => withoutVersion(inner(path, params)) : inner;
}

function innerRewriter({ strip_prefix: prefix, rewrite_path: template }: PathRewrite): Rewriter {
  if (template !== undefined) return (_path, params) => canonicalOrThrow(fill(template, params));
  if (prefix === undefined || prefix === '/') return (path) => path;
  return (path) => strip(path, prefix);
}

function strip(path: string, prefix: string): string {
  if (!path.startsWith(prefix)) return path;
  const rest = path.slice(prefix.length);
  if (rest === '') return '/';
  return rest.startsWith('/') ? rest : path;
}

function withoutVersion(path: string): string {
  if (path === '/v1') return '/';
  return path.startsWith('/v1/') ? path.slice(3) : path;
}

function fill(template: string, params: Readonly<Record<string, string>>): string {
  return template.replace(/:([A-Za-z0-9_]+)|\*$/g, (token, name?: string) => params[name ?? token] ?? '');
}

/** A filled template is a new path and is checked like one from a client. */
function canonicalOrThrow(path: string): string {
  const canonical = canonicalPath(path);
  if (canonical instanceof Rejection) throw new GatewayError(canonical);
  return canonical.path;
}

/** True for the paths under which clients of Anthropic's Messages API reach it, whatever prefix a service has. */
export function isOfMessagesApi(path: string): boolean {
  return path.endsWith('/v1/messages') || path.includes('/v1/messages/');
}
