/** One mistake in the configuration, where it stands and what to do about it. Never holds a secret. */
export interface Problem {
  /** The configuration file, or `environment`, or `command line`. */
  readonly file: string;
  /** From 1; 0 where there are no lines. */
  readonly line: number;
  readonly column: number;
  /** `services.chat.rate_limit.limits[0].windw`, or the name of a variable or flag; may be empty. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** Thrown with all mistakes of a configuration at once; a gateway never starts, and never reloads, past it. */
export class ConfigError extends Error {
  readonly code = 'CONFIG';
  readonly problems: readonly Problem[];

  constructor(found: readonly Problem[]) {
    const problems = found.toSorted((a, b) => a.line - b.line || a.column - b.column);
    super(problems.map(renderProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }

  /** One line per problem: `file:line:column: path: message`. */
  render(): string {
    return this.message;
  }
}

export function renderProblem({ file, line, column, path, message }: Problem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return [place, path, message].filter((part) => part !== '').join(': ');
}

/** `services.chat.targets[0].url` */
export function renderPath(path: Path): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
