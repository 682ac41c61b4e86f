import { ConfigError, type Path, type Problem, renderPath, renderProblem } from './config-error.ts';
import type { ConfigDocument } from './text/document.ts';
import type { Variables } from './env.ts';
import { type OverriddenSettings, overrideProblem } from './overrides.ts';

/** Collects what is wrong, with the place where it can be mended. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: string[] = [];
  private document: ConfigDocument | undefined;
  private overridden: OverriddenSettings = new Map();
  private readonly file: string;
  private readonly variables: Variables;

  constructor(file: string, variables: Variables) {
    this.file = file;
    this.variables = variables;
  }

  get hasProblems(): boolean {
    return this.problems.length > 0;
  }

  locate(document: ConfigDocument, overridden: OverriddenSettings): void {
    this.document = document;
    this.overridden = overridden;
  }

  readonly fail = (path: Path, message: string): void => {
    this.problems.push(this.place(path, message));
  };

  readonly warn = (path: Path, message: string): void => {
    this.warnings.push(renderProblem(this.place(path, message)));
  };

  stop(): never {
    throw new ConfigError(this.problems);
  }

  private place(path: Path, message: string): Problem {
    const byVariable = overrideProblem(renderPath(path), message, this.overridden, this.variables);
    if (byVariable) return byVariable;
    return (
      this.document?.problem(path, message) ?? { file: this.file, line: 0, column: 0, path: renderPath(path), message }
    );
  }
}
