import type { Path } from './config-error.ts';
import type { ConfigDocument } from './text/document.ts';
import type { Variables } from './env.ts';
import type { RouteConfig } from './gateway-config.ts';
import { interpolate, type Lookup } from './text/interpolate.ts';
import type { OverriddenSettings } from './overrides.ts';

/** Answers where a value comes from: flag, environment, line of the file, or default. Holds the parsed file. */
export class Origins {
  private readonly document: ConfigDocument;
  private readonly variables: Variables;
  private readonly overridden: OverriddenSettings;
  private readonly lookup: Lookup;
  private readonly routes: ReadonlyMap<RouteConfig, Path>;

  constructor(parts: {
    document: ConfigDocument;
    variables: Variables;
    overridden: OverriddenSettings;
    lookup: Lookup;
    routes: ReadonlyMap<RouteConfig, Path>;
  }) {
    this.document = parts.document;
    this.variables = parts.variables;
    this.overridden = parts.overridden;
    this.lookup = parts.lookup;
    this.routes = parts.routes;
  }

  /** Where a route is written: `['routes', 3]`, or `['services', 'chat']` for an implied one. */
  pathOf(route: RouteConfig): Path | undefined {
    return this.routes.get(route);
  }

  /** True when the file or a variable writes this path or something below it. */
  isWritten(path: Path): boolean {
    const prefix = `${path.join('.')}.`;
    return this.document.has(path) || [...this.overridden.keys()].some((setting) => `${setting}.`.startsWith(prefix));
  }

  /**
   * `default`, `gateway_config.yaml:14:7`, `PORT (environment)`, `SERVER_PORT (--port)`, or a line with the variable
   * that filled it: `gateway_config.yaml:14:7, OPENAI_BASE_URL (environment)`. A section's short form counts for all
   * that it stands for.
   */
  of(path: Path): string {
    const variable = this.overridden.get(path.join('.'));
    if (variable !== undefined) return this.describeVariable(variable);
    const written = this.document.scalar(path);
    if (!written) return this.document.has(path) ? this.describePlace(this.document.place(path)) : 'default';
    const place = this.describePlace(written.place);
    if (typeof written.value !== 'string' || !written.value.includes('${')) return place;
    const { found } = interpolate(written.value, this.lookup);
    return found === undefined ? place : `${place}, ${this.describeVariable(found)}`;
  }

  private describePlace({ line, column }: { line: number; column: number }): string {
    return `${this.document.file}:${line}:${column}`;
  }

  private describeVariable(name: string): string {
    const source = this.variables.get(name)?.source;
    return source === undefined ? name : `${name} (${source})`;
  }
}
