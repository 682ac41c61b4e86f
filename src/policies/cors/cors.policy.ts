import type { Exchange } from '../../exchange/exchange.ts';
import { defineAccessPolicy, type Reply } from '../policy.ts';
import { type CorsConfig, CorsSchema } from './schema.ts';

/**
 * Cross-origin access as the Fetch standard (section 3.2, "CORS protocol") asks for it. A preflight is answered here,
 * before authentication, because browsers send it without credentials; the headers of other answers are added to
 * errors too, so that a page can read why it was refused.
 */
export const corsPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'cors',
  schema: CorsSchema,
  errors: [],
  create(config) {
    const rules = new CorsRules(config);
    return [{ name: 'cors', decide: (exchange) => rules.decide(exchange) }];
  },
});

/** The rules of one section. */
export class CorsRules {
  private readonly config: CorsConfig;
  private readonly allowsAny: boolean;
  private readonly origins: ReadonlySet<string>;
  private readonly credentials: readonly string[];
  private readonly exposed: readonly string[];

  constructor(config: CorsConfig) {
    this.config = config;
    this.allowsAny = config.origins.includes('*');
    this.origins = new Set(config.origins);
    // Any origin together with credentials would let every website act as the visitor.
    const isOffered = config.credentials && !this.allowsAny;
    this.credentials = isOffered ? ['Access-Control-Allow-Credentials', 'true'] : [];
    const { expose_headers: exposed } = config;
    this.exposed = exposed.length === 0 ? [] : ['Access-Control-Expose-Headers', exposed.join(', ')];
  }

  /** Answers a preflight; for any other request the answer that is to come is marked. */
  decide(exchange: Exchange): Reply | undefined {
    const { edge } = exchange;
    const origin = edge.headers.get('origin');
    if (edge.method === 'OPTIONS' && origin !== undefined) {
      const method = edge.headers.get('access-control-request-method');
      if (method !== undefined) return this.answerPreflight(origin, edge.headers.all('access-control-request-headers'));
    }
    exchange.onHead((headers) => this.mark(headers, origin));
    return undefined;
  }

  /** The same status whatever is asked: a preflight must not tell which routes and origins exist. */
  private answerPreflight(origin: string, requestedHeaders: readonly string[]): Reply {
    const vary = ['Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'];
    const allowed = this.allowedOrigin(origin);
    if (allowed === undefined) return { status: 204, headers: vary, body: undefined };
    const { methods, headers, max_age: maxAge } = this.config;
    const allowedHeaders = (headers.length > 0 ? headers : requestedHeaders).join(', ');
    const lines = ['Access-Control-Allow-Origin', allowed, ...this.credentials];
    lines.push('Access-Control-Allow-Methods', methods.join(', '));
    if (allowedHeaders !== '') lines.push('Access-Control-Allow-Headers', allowedHeaders);
    lines.push('Access-Control-Max-Age', String(Math.floor(maxAge / 1_000)));
    return { status: 204, headers: [...lines, ...vary], body: undefined };
  }

  /** Replaces what the upstream said about origins: two answers to one question are an error to a browser. */
  private mark(headers: string[], origin: string | undefined): void {
    removeOriginLines(headers);
    // Without it, a shared cache would hand one origin's answer to another.
    if (!this.allowsAny) headers.push('Vary', 'Origin');
    const allowed = origin === undefined ? undefined : this.allowedOrigin(origin);
    if (allowed !== undefined) {
      headers.push('Access-Control-Allow-Origin', allowed, ...this.credentials, ...this.exposed);
    }
  }

  private allowedOrigin(origin: string): string | undefined {
    if (this.allowsAny) return '*';
    return this.origins.has(origin) ? origin : undefined;
  }
}

const DECIDED_HERE: ReadonlySet<string> = new Set(['access-control-allow-origin', 'access-control-allow-credentials']);

function removeOriginLines(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (DECIDED_HERE.has((headers[i] as string).toLowerCase())) headers.splice(i, 2);
  }
}
