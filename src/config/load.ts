// Room config: turns the YAML file, the environment and flags into one frozen configuration, or lists every mistake.
// In it: reading, schemas, checks, inheritance, explain, the generated reference.
// Never in it: connections, listeners or compiled behaviour: loading a file starts nothing.

/** Configuration file, environment and flags in; one frozen configuration out, or every mistake in them at once. */

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseDuration } from '../lib/duration.ts';
import { once } from '../lib/once.ts';
import { findAmbiguousRoutes } from './checks/ambiguous-routes.ts';
import { findIdleAuthorize } from './checks/policy-checks.ts';
import { findUnownedAnswers } from './checks/policy-checks.ts';
import { checkFiles } from './checks/check-files.ts';
import { ConfigError, renderPath } from './config-error.ts';
import { crossCheck } from './checks/cross-checks.ts';
import { Interpolated, parseConfigDocument } from './text/document.ts';
import { type Environment, type Flags, gatherVariables, processEnvironment } from './env.ts';
import { type EnvironmentSettings, readEnvironmentSettings } from './environment-settings.ts';
import { type Expanded, expandConfig } from './expand.ts';
import { Findings } from './findings.ts';
import type { GatewayConfig } from './gateway-config.ts';
import { fillListedPrices } from './listed-prices.ts';
import { asNode, isRecord, normalize } from './text/normalize.ts';
import { Origins } from './origins.ts';
import { applyOverrides } from './overrides.ts';
import { type ConfigFile, ConfigFileSchema } from './schema.ts';
import { checkTokens } from './checks/token-checks.ts';
import { compileValidator } from './validate.ts';
import { findIdleFlags, VariableLookup } from './text/variable-lookup.ts';

export interface LoadOptions {
  /** Path of the YAML file; problems quote it as it is given. */
  readonly file: string;
  /** Default: the environment of the process. */
  readonly env?: Environment | undefined;
  readonly flags?: Flags | undefined;
  /** Development start: sample secrets are accepted. */
  readonly dev?: boolean | undefined;
}

export interface LoadedConfig {
  readonly config: GatewayConfig;
  readonly env: EnvironmentSettings;
  /** One line each, with place and path; nothing that prevents a start. */
  readonly warnings: readonly string[];
  /** Answers where an effective value comes from. Holds the parsed file: drop it when it is not needed. */
  readonly origins: Origins;
}

const DEFAULT_RATE_WINDOW = '60s';
const DEFAULT_DATA_DIR = './data';

/** Compiling takes tens of milliseconds, and a reload under load must not pay them again. */
const fileValidator = once(() => compileValidator(asNode(ConfigFileSchema)));

/** Reads, fills in, checks and expands a configuration. Throws `ConfigError`; opens no connection and no port. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { file, flags = {}, dev = false } = options;
  const variables = await gatherVariables(file, options.env ?? processEnvironment(), flags);
  const bytes = await readConfigFile(file);
  const findings = new Findings(file, variables);
  const lookup = new VariableLookup(dirname(file), variables);
  const document = parseConfigDocument(file, bytes, findings.problems);
  const written = document?.toTree(lookup, findings.problems);
  if (!document) throw new ConfigError(findings.problems);
  // Nothing at all is what a file looks like between its truncation and its first byte, not a wish to serve nothing.
  if (written === undefined || written === null) findings.fail([], 'the file is empty; name at least one service');
  const { tree, overridden } = applyOverrides(written, variables);
  findings.locate(document, overridden);
  findings.problems.push(...findIdleFlags(flags, lookup));
  const read = readTree(tree, resolve(dirname(file)), findings);
  const env = readEnvironmentSettings(variables, { dataDir: dataDirOf(read), dev }, findings);
  const { config, sources } = findings.hasProblems
    ? findings.stop()
    : await expandChecked(read as ConfigFile, findings, dev);
  const origins = new Origins({ document, variables, overridden, lookup, routes: sources });
  return { config, env, warnings: findings.warnings, origins };
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist. Run "turnpike init" to write one, or name another with --config',
  EISDIR: 'this is a folder. Name the file in it with --config',
  EACCES: 'this user may not read the file. Check its permissions and owner',
};

async function readConfigFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = READ_FAILURES[code ?? ''] ?? `the file cannot be read (${String(code)})`;
    throw new ConfigError([{ file, line: 0, column: 0, path: '', message }]);
  }
}

/** The tree in long form with every default filled in; a `ConfigFile` unless something was found. */
function readTree(tree: unknown, folder: string, findings: Findings): unknown {
  const normalized = normalize(asNode(ConfigFileSchema), tree, {
    folder,
    rateWindow: rateWindowOf(tree),
    report: findings.fail,
    warn: findings.warn,
  });
  const known = new Set(findings.problems.map((problem) => problem.path));
  const mistakes = fileValidator()(normalized.value);
  // An unreadable `${…}` has been reported already, and leaves a hole that would be reported again.
  for (const { path, message } of mistakes) if (!known.has(renderPath(path))) findings.fail(path, message);
  normalized.restore();
  return normalized.value;
}

async function expandChecked(file: ConfigFile, findings: Findings, dev: boolean): Promise<Expanded> {
  fillListedPrices(file, findings);
  crossCheck(file, findings);
  checkTokens(file, findings, dev);
  if (findings.hasProblems) findings.stop();
  const expanded = expandConfig(file);
  const { sources } = expanded;
  const mistakes = [findAmbiguousRoutes, findIdleAuthorize, findUnownedAnswers].flatMap((find) => find(sources));
  for (const { path, message } of mistakes) findings.fail(path, message);
  await checkFiles(expanded.config, findings.fail);
  return findings.hasProblems ? findings.stop() : expanded;
}

/** The window of the short form is needed before the settings are read; a wrong one is reported where it stands. */
function rateWindowOf(tree: unknown): unknown {
  const settings = isRecord(tree) && isRecord(tree['settings']) ? tree['settings'] : {};
  const written = settings['rate_period'];
  const window = written instanceof Interpolated ? written.text : written;
  return parseDuration(window) === undefined ? DEFAULT_RATE_WINDOW : window;
}

function dataDirOf(read: unknown): string {
  const settings = isRecord(read) && isRecord(read['settings']) ? read['settings'] : {};
  return typeof settings['data_dir'] === 'string' ? settings['data_dir'] : DEFAULT_DATA_DIR;
}
