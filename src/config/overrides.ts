import { isFalse, isTrue } from './text/boolean-words.ts';
import type { Problem } from './config-error.ts';
import { Interpolated } from './text/document.ts';
import type { Variables } from './env.ts';
import { environmentProblem } from './environment-settings.ts';
import { isRecord } from './text/normalize.ts';

/** Dotted path of a setting → the variable that overrides it, for messages and `explain`. */
export type OverriddenSettings = ReadonlyMap<string, string>;

interface Override {
  readonly path: readonly string[];
  /** The text as the file would have it; `undefined` when the variable says nothing about the setting. */
  readonly read?: (value: string) => string | undefined;
}

const LOG_LEVELS: Readonly<Record<string, string>> = { warning: 'warn', critical: 'fatal' };

/** A later line wins over an earlier one for the same path. */
const OVERRIDES: Readonly<Record<string, Override>> = {
  SERVER_HOST: { path: ['settings', 'listen', 'host'] },
  PORT: { path: ['settings', 'listen', 'port'] },
  SERVER_PORT: { path: ['settings', 'listen', 'port'] },
  // Other programs use DEBUG for lists of module names: those say nothing here.
  DEBUG: { path: ['settings', 'log', 'level'], read: (value) => (isTrue(value) ? 'debug' : undefined) },
  LOG_LEVEL: { path: ['settings', 'log', 'level'], read: readLogLevel },
  PATTERNS_TO_MASK: { path: ['settings', 'log', 'mask'] },
  ENABLE_PII_MASKING: { path: ['settings', 'log', 'mask'], read: (value) => (isFalse(value) ? '[]' : undefined) },
  ENABLE_METRICS: { path: ['settings', 'metrics', 'enabled'], read: readBoolean },
  PROMETHEUS_PORT: { path: ['settings', 'metrics', 'port'] },
  ALLOWED_ORIGINS: { path: ['defaults', 'cors', 'origins'] },
  JWT_SECRET_KEY: { path: ['auth', 'jwt', 'own', 'secret'] },
  SECRET_KEY: { path: ['auth', 'jwt', 'own', 'secret'] },
  JWT_ALGORITHM: { path: ['auth', 'jwt', 'own', 'algorithm'] },
  JWT_EXPIRATION_HOURS: { path: ['auth', 'jwt', 'own', 'access_ttl'], read: (value) => `${value}h` },
};

/** The variables that are settings: a flag that sets one of them always has an effect. */
export const OVERRIDING_VARIABLES: ReadonlySet<string> = new Set(Object.keys(OVERRIDES));

/**
 * Writes the variables that are settings over what the file says, in place. Returns the tree and which setting came
 * from which variable. A tree that is no section is returned as it is.
 */
export function applyOverrides(
  tree: unknown,
  variables: Variables,
): { readonly tree: unknown; readonly overridden: OverriddenSettings } {
  const overridden = new Map<string, string>();
  if (tree !== null && tree !== undefined && !isRecord(tree)) return { tree, overridden };
  const root = tree ?? {};
  for (const [name, { path, read }] of Object.entries(OVERRIDES)) {
    const value = variables.get(name)?.value.trim();
    const text = value && (read ? read(value) : value);
    if (!text) continue;
    write(root, path, new Interpolated({ text, isWhole: true, asked: [name] }));
    overridden.set(path.join('.'), name);
  }
  return { tree: root, overridden };
}

/** The problem of a value that a variable set, placed at the variable; `undefined` when the file set it. */
export function overrideProblem(
  path: string,
  message: string,
  overridden: OverriddenSettings,
  variables: Variables,
): Problem | undefined {
  for (const [setting, name] of overridden) {
    const isWithin = path === setting || path.startsWith(`${setting}[`);
    if (isWithin) return environmentProblem(variables, name, `${message} (it sets ${setting})`);
  }
  return undefined;
}

function write(root: Record<string, unknown>, path: readonly string[], value: Interpolated): void {
  let section = root;
  for (const step of path.slice(0, -1)) {
    const below = section[step];
    section = section[step] = isRecord(below) ? below : {};
  }
  section[path.at(-1) as string] = value;
}

function readBoolean(value: string): string {
  return isTrue(value) ? 'true' : isFalse(value) ? 'false' : value;
}

function readLogLevel(value: string): string {
  const level = value.toLowerCase();
  return LOG_LEVELS[level] ?? level;
}
