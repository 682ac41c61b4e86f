import type { Dialect } from '../errors/dialect.ts';
import { ERROR_CATALOG } from '../errors/catalog.ts';
import { ERROR_SCHEMAS, errorType } from './error-schemas.ts';
import type { JsonObject } from './paths.ts';

/** How a caller may prove who they are. */
export type Scheme = { readonly kind: 'bearer' } | { readonly kind: 'header'; readonly name: string };

export const BEARER = { kind: 'bearer' } as const satisfies Scheme;
export const MASTER_KEY = { kind: 'header', name: 'X-Master-Key' } as const satisfies Scheme;

/** What several operations share, written once and only when one of them refers to it. */
export class Components {
  /** The schemas of errors, and others that are added here. */
  readonly schemas: Record<string, JsonObject> = {};
  private readonly responses: JsonObject = {};
  private readonly securitySchemes: JsonObject = {};

  /** The security requirement that one of these is met; open to everybody when there are none. */
  security(schemes: readonly Scheme[]): JsonObject[] {
    return schemes.map((scheme) => {
      const name = scheme.kind === 'bearer' ? 'bearer' : scheme.name.replace(/[^A-Za-z0-9.-]/g, '_');
      this.securitySchemes[name] ??= scheme.kind === 'bearer' ? BEARER_SCHEME : headerScheme(scheme.name);
      return { [name]: [] };
    });
  }

  /** Error responses of an operation: one for each status, and one for everything else that may go wrong. */
  errors(dialect: Dialect, statuses: readonly number[]): JsonObject {
    const sorted = [...new Set(statuses)].toSorted((a, b) => a - b);
    const told = sorted.map((status) => [status, this.error(dialect, `${status}`, codesText(status))]);
    return { ...Object.fromEntries(told), default: this.error(dialect, 'default', 'Any other error of the gateway.') };
  }

  all(): JsonObject {
    return { schemas: this.schemas, responses: this.responses, securitySchemes: this.securitySchemes };
  }

  private error(dialect: Dialect, status: string, description: string): JsonObject {
    const schema = `error_${dialect}`;
    const name = `${schema}_${status}`;
    this.schemas[schema] ??= { ...ERROR_SCHEMAS[dialect] };
    const content = { [errorType(dialect)]: { schema: { $ref: `#/components/schemas/${schema}` } } };
    this.responses[name] ??= { description, content };
    return { $ref: `#/components/responses/${name}` };
  }
}

const BEARER_SCHEME = { type: 'http', scheme: 'bearer', description: 'An access token, or an API key.' };

function headerScheme(name: string): JsonObject {
  const what = name === MASTER_KEY.name ? 'The master key of the gateway.' : 'An API key of the gateway.';
  return { type: 'apiKey', in: 'header', name, description: what };
}

/** Every code that goes with the status. */
function codesText(status: number): string {
  const codes = Object.entries(ERROR_CATALOG).filter(([, entry]) => entry.status === status);
  return codes.map(([code, { title }]) => `\`${code}\`: ${title}.`).join(' ');
}
