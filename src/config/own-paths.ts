/** First path segments that belong to the gateway's own endpoints: no service may be called so. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'admin',
  'api',
  'auth',
  'docs',
  'health',
  'metrics',
  'openapi.json',
  'ready',
  'redoc',
  'service',
  'v1',
]);

/** Own endpoints answer here and below. */
export const RESERVED_TREES: readonly string[] = ['/admin', '/v1/auth', '/api/v1/auth', '/docs', '/redoc'];

/** Own endpoints answer exactly here. */
export const RESERVED_PATHS: ReadonlySet<string> = new Set([
  '/',
  '/health',
  '/api/v1/health',
  '/api/v1/health/detailed',
  '/ready',
  '/metrics',
  '/openapi.json',
  '/auth/token',
  '/v1/usage',
]);

/**
 * True when a route's pattern lies within the own endpoints and could never be reached. A wider pattern, `/v1/*` or
 * `/*`, is fine: own endpoints win over it. A route with hosts owns everything on them but `/admin`.
 */
export function isReservedPattern(pattern: string, hasHosts: boolean): boolean {
  const base = pattern.endsWith('/*') && pattern !== '/*' ? pattern.slice(0, -2) : pattern;
  const trees = hasHosts ? ['/admin'] : RESERVED_TREES;
  if (trees.some((tree) => base === tree || base.startsWith(`${tree}/`))) return true;
  return !hasHosts && RESERVED_PATHS.has(base);
}
