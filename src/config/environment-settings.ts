import { join } from 'node:path';
import { Secret } from '../lib/secret.ts';
import { isTrue } from './text/boolean-words.ts';
import { type Problem, renderProblem } from './config-error.ts';
import type { Variables } from './env.ts';
import { isSampleSecret, SAMPLE_SECRET } from './checks/sample-secrets.ts';

/** What comes from the environment alone, because it is secret or differs between machines. */
export interface EnvironmentSettings {
  /** `DATABASE_URL`, or the SQLite file in `settings.data_dir`. */
  readonly databaseUrl: Secret;
  /** `REDIS_ANSWERS_URL`; `undefined` means that the database keeps answers. */
  readonly redisAnswersUrl: Secret | undefined;
  /** `REDIS_URL`; `undefined` means counters in memory. */
  readonly redisUrl: Secret | undefined;
  /** `MASTER_KEY`; `undefined` means the administration interface is off. */
  readonly masterKey: Secret | undefined;
  /** `MASTER_KEY_PREVIOUS`: still accepted, so that the key can be changed without a gap. */
  readonly masterKeyPrevious: Secret | undefined;
  /** `TEST_API_KEY`: accepted as the key of the consumer `dev_user`. */
  readonly testApiKey: Secret | undefined;
  /** `DEBUG` says yes. */
  readonly debug: boolean;
}

/** Fewer characters can be guessed, and the limit of failures per address is no help against many addresses. */
const SHORTEST_KEY = 16;

function weaknessOf(secret: string | undefined): string | undefined {
  if (secret === undefined) return undefined;
  const mend = 'openssl rand -base64 24 makes a good one';
  if (isSampleSecret(secret)) return `${SAMPLE_SECRET}; ${mend}`;
  return secret.length < SHORTEST_KEY ? `must have at least ${SHORTEST_KEY} characters: ${mend}` : undefined;
}

/** Reads what is not in the file; mistakes are added to the findings. Empty variables count as unset. */
export function readEnvironmentSettings(
  variables: Variables,
  options: { readonly dataDir: string; readonly dev: boolean },
  findings: { readonly problems: Problem[]; readonly warnings: string[] },
): EnvironmentSettings {
  const read = (name: string): string | undefined => variables.get(name)?.value.trim() || undefined;
  const secret = (name: string): Secret | undefined => {
    const value = read(name);
    return value === undefined ? undefined : new Secret(value);
  };
  for (const name of ['MASTER_KEY', 'MASTER_KEY_PREVIOUS', 'TEST_API_KEY'] as const) {
    const weakness = weaknessOf(read(name));
    if (weakness === undefined) continue;
    const problem = environmentProblem(variables, name, options.dev ? `${weakness}. --dev takes it` : weakness);
    if (options.dev) findings.warnings.push(renderProblem(problem));
    else findings.problems.push(problem);
  }
  const signing = [read('SECRET_KEY'), read('JWT_SECRET_KEY')].filter((value) => value !== undefined);
  if (new Set(signing).size > 1) {
    findings.problems.push(environmentProblem(variables, 'JWT_SECRET_KEY', 'differs from SECRET_KEY: set one of them'));
  }
  return {
    databaseUrl: secret('DATABASE_URL') ?? new Secret(`sqlite:${join(options.dataDir, 'turnpike.db')}`),
    redisUrl: secret('REDIS_URL'),
    redisAnswersUrl: secret('REDIS_ANSWERS_URL'),
    masterKey: secret('MASTER_KEY'),
    masterKeyPrevious: secret('MASTER_KEY_PREVIOUS'),
    testApiKey: secret('TEST_API_KEY'),
    debug: isTrue(read('DEBUG') ?? ''),
  };
}

/** A problem with a variable, placed where the variable was set. */
export function environmentProblem(variables: Variables, name: string, message: string): Problem {
  const source = variables.get(name)?.source ?? 'environment';
  const file = source.startsWith('--') ? 'command line' : source;
  return { file, line: 0, column: 0, path: source.startsWith('--') ? source : name, message };
}
