import { type Static, type TSchema, Type } from '../lib/schema-builder.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { asNode } from '../config/text/normalize.ts';
import type { Settings } from '../config/settings-schema.ts';
import { compileValidator, type Validator } from '../config/validate.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Plane } from '../edge/plane.ts';
import { once } from '../lib/once.ts';
import type { ApiContext } from './context.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/**
 * Who may ask: everybody; a client on this machine; a caller with the master key; somebody with a token; any caller, which counts as one request of
 * theirs; or nobody, for this reason. After `token` and `token_or_key` the caller stands in `exchange.principal`. What
 * is `hidden` is answered like any path that the gateway does not know.
 */
export type Access = 'none' | 'local' | 'master_key' | 'token' | 'token_or_key' | 'hidden' | Rejection;

/** One request for an endpoint, read and validated. */
export interface Call<Body = unknown, Query = unknown> {
  readonly context: ApiContext;
  readonly config: GatewayConfig;
  readonly exchange: Exchange;
  /** The value of a `:name` segment of the path. */
  readonly param: (name: string) => string;
  readonly body: Body;
  readonly query: Query;
  /** The OpenAPI document of what this socket serves, as JSON. */
  readonly describe: () => Promise<string>;
}

/** A JSON answer, or text or bytes of the given type; `headers` replace what every answer says. */
export type Reply<T> =
  | { readonly status: number; readonly json: T }
  | {
      readonly status: number;
      readonly contentType: string;
      readonly text: string | Buffer;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** A body or query that is read along its schema, in the same words as the configuration file. */
export interface Input {
  readonly schema: TSchema;
  /** Fields that `null` clears; elsewhere `null` means not given. */
  readonly clearable: readonly string[];
  readonly validate: Validator;
}

/** One of the gateway's own operations, ready to be mounted. */
export interface Endpoint {
  readonly method: Method;
  /** Express pattern. */
  readonly path: string;
  readonly aliases: readonly string[];
  /** Endpoints on `admin` are served on `public` unless administration has a socket of its own. */
  readonly planes: readonly Plane[];
  readonly summary: string;
  /** Status of an answer that is no error. */
  readonly success: 200 | 201;
  /** Type of the answer where it is not JSON. */
  readonly contentType: string | undefined;
  readonly body: Input | undefined;
  readonly query: Input | undefined;
  readonly response: TSchema;
  access(settings: Settings, context: ApiContext): Access;
  handle(call: Call): Reply<unknown> | Promise<Reply<unknown>>;
}

type Cleared<Fields, Names extends string> = Omit<Fields, Names> & {
  readonly [N in Names & keyof Fields]?: Fields[N] | null | undefined;
};

interface Definition<B extends TSchema, C extends string, Q extends TSchema, R extends TSchema> {
  readonly method: Method;
  readonly path: string;
  readonly aliases?: readonly string[];
  readonly planes: readonly Plane[];
  readonly auth: Access | ((settings: Settings, context: ApiContext) => Access);
  readonly summary: string;
  readonly success?: 200 | 201;
  readonly contentType?: string;
  readonly body?: B;
  readonly clearable?: readonly C[];
  readonly query?: Q;
  readonly response: R;
  handle(call: Call<Cleared<Static<B>, C>, Static<Q>>): Reply<Static<R>> | Promise<Reply<Static<R>>>;
}

/** Declares an endpoint. Its schemas are compiled when they are first needed, because that takes milliseconds each. */
export function defineEndpoint<
  B extends TSchema = TSchema,
  C extends string = never,
  Q extends TSchema = TSchema,
  R extends TSchema = TSchema,
>(definition: Definition<B, C, Q, R>): Endpoint {
  const { auth, body, query, clearable = [], aliases = [], success = 200, contentType, ...rest } = definition;
  return {
    ...rest,
    aliases,
    success,
    contentType,
    body: body && inputOf(body, clearable),
    query: query && inputOf(query, []),
    access: (settings, context) => (typeof auth === 'function' ? auth(settings, context) : auth),
    // What arrives here has been validated with the very schemas these types are made of.
    handle: (call) => definition.handle(call as Parameters<typeof definition.handle>[0]),
  };
}

function inputOf(schema: TSchema, clearable: readonly string[]): Input {
  const validator = once(() => compileValidator(asNode(schema)));
  return { schema, clearable, validate: (value) => validator()(value) };
}

/** An instant in answers: RFC 3339, UTC. */
export function InstantText(description: string) {
  return Type.String({ format: 'date-time', description });
}

export function instantText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
