/** The configuration file as written, once shorthands are expanded: the one source of its types, checks and docs. */

import { type Static, Type } from '../lib/schema-builder.ts';
import { modelsSchema, OperationsSchema, UnmeteredSchema } from '../llm/schema.ts';
import {
  FilePath,
  HeaderName,
  HeaderValue,
  Method,
  ModelName,
  OneOrMany,
  Section,
  SecretText,
} from '../lib/schema-atoms.ts';
import { SERVICE_KINDS } from '../lib/service-kind.ts';
import { policyField, policyFields } from '../policies/schemas.ts';
import { ConsumerSchema, TierSchema } from './consumer-schema.ts';
import { NAME_FORM } from './text/name-form.ts';
import { dialectField, SettingsSchema } from './settings-schema.ts';
import { TokenAuthSchema } from './token-schema.ts';

const PATH = { pattern: '^/[^\\s?#]*$', 'x-form': 'a path that begins with / and has no query' };
const LABEL = '[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?';

const HostPattern = Type.String({
  pattern: `^(\\*\\.)?${LABEL}(\\.${LABEL})*$`,
  'x-form': 'a host name such as api.example.com or *.example.com, without port',
});

/** What may stand on `defaults`, on a service and on a route. */
const routePolicies = {
  dialect: Type.Optional(
    dialectField('Default `problem` for http, `openai` for llm and embeddings, `anthropic` for `/v1/messages` of llm.'),
  ),
  ...policyFields('routes'),
};

type Balance = 'round_robin' | 'least_requests' | 'latency' | 'hash:consumer' | `hash:header:${string}`;

const Balance = Type.Unsafe<Balance>({
  type: 'string',
  pattern: "^(round_robin|least_requests|latency|hash:consumer|hash:header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})$",
  'x-form': 'round_robin, least_requests, latency, hash:consumer, or hash:header: and the name of a header',
  description:
    'How a target is chosen: `round_robin` takes turns by weight; `least_requests` takes the less busy of two random targets; `latency` takes the one of two that has lately begun its answers sooner, or one that has no figures yet; `hash:consumer` always takes the same target for a consumer, or for a client address without one; `hash:header:x-session` always takes the same target for a value of this header, or for a consumer without it. When a target is added or lost, only its own share of the callers moves. Default `round_robin`.',
});

/** What may stand on `defaults` and on a service: its state belongs to the targets. */
const servicePolicies = {
  balance: Type.Optional(Balance),
  ...policyFields('services'),
};

const DefaultsSchema = Section(
  { ...routePolicies, ...servicePolicies },
  { description: 'Applies to every service that does not set the same key.', default: {} },
);

export const TargetSchema = Section(
  {
    url: Type.String({
      description:
        'Base address: scheme, host, port and an optional path that is put before the path of every request.',
      format: 'target-url',
    }),
    weight: Type.Integer({ description: 'Share of the requests.', default: 1, minimum: 1, maximum: 1_000 }),
    max_connections: Type.Integer({
      description: 'Most connections to this target. Requests beyond that are answered 503 rather than queued.',
      default: 10_000,
      minimum: 1,
      maximum: 100_000,
    }),
    api_key: Type.Optional(
      SecretText({
        description:
          'Credential of the upstream, sent as `Authorization: Bearer`, or as `x-api-key` to `anthropic`; write it as `${NAME}`.',
      }),
    ),
    api_key_header: Type.Optional(
      HeaderName({ description: 'Another header for `api_key`, which is then sent without `Bearer`.' }),
    ),
    provider: Type.Enum(['openai', 'anthropic'], {
      description:
        'Whose API the target has, on llm and embeddings services. Chat requests and answers are translated if the client uses the other API.',
      default: 'openai',
    }),
    models: OneOrMany(ModelName(), {
      description:
        'Models that this target serves, by their names in `models.entries`. A name may end with `*`. Empty means all.',
      default: [],
      maxItems: 1_000,
    }),
    tls: Type.Optional(
      Section(
        {
          ca: Type.Optional(
            FilePath({ description: 'Certificate authorities to trust instead of the usual ones, PEM.' }),
          ),
          cert: Type.Optional(FilePath({ description: 'Client certificate, PEM.' })),
          key: Type.Optional(FilePath({ description: 'Key of the client certificate, PEM.' })),
          server_name: Type.Optional(
            Type.String({
              description: 'Server name to request and verify instead of the host in the url.',
              minLength: 1,
            }),
          ),
        },
        { description: 'TLS to this target. Certificates are always verified.' },
      ),
    ),
  },
  { description: 'One address of a service.' },
);

const ServiceSchema = Section(
  {
    kind: Type.Enum([...SERVICE_KINDS], {
      description:
        'What the service is: any HTTP service, a chat service with the API of OpenAI or Anthropic, or an embeddings service. Decides paths, forwarded headers and defaults.',
      default: 'http',
    }),
    url: Type.Optional(
      Type.String({
        description: 'The address of the only target, when it needs no other settings.',
        format: 'target-url',
      }),
    ),
    targets: Type.Optional(
      Type.Array(TargetSchema, { description: 'The addresses, instead of `url`.', minItems: 1, maxItems: 1_000 }),
    ),
    models: Type.Optional(modelsSchema(policyField('rate_limit'))),
    operations: Type.Optional(OperationsSchema),
    unmetered: Type.Optional(UnmeteredSchema),
    default_routes: Type.Optional(
      Type.Boolean({
        description:
          'Whether `/<name>/*`, `/service/<name>/*` and the standard paths of its kind lead to this service. Default true, but false for a service that `routes` names, so that nobody can bypass the policies of its routes.',
      }),
    ),
    enabled: Type.Boolean({ description: '`false` disables the service and all its routes.', default: true }),
    ...routePolicies,
    ...servicePolicies,
  },
  { description: 'A named backend.' },
);

const MatchSchema = Section(
  {
    path: Type.String({
      description: 'Path to match: `/a` exactly, `/a/*` with all below, `:name` for one segment. Case-sensitive.',
      ...PATH,
    }),
    methods: Type.Array(Method(), {
      description: 'Methods to match; empty means all. HEAD goes wherever GET goes.',
      default: [],
      uniqueItems: true,
    }),
    hosts: Type.Array(HostPattern, {
      description: 'Hosts to match, `api.example.com` or `*.example.com`; empty means any.',
      default: [],
      uniqueItems: true,
    }),
    headers: Type.Record(HeaderName(), Type.String(), {
      description: 'Headers that must be present with exactly this value.',
      default: {},
      additionalProperties: false,
    }),
  },
  { description: 'Which requests take this route.' },
);

const RouteSchema = Section(
  {
    name: Type.String({ description: 'Unique name, seen in logs and `explain`.', ...NAME_FORM }),
    match: MatchSchema,
    also: Type.Array(Type.String({ ...PATH }), {
      description: 'Further paths of the same route.',
      default: [],
      uniqueItems: true,
    }),
    service: Type.Optional(Type.String({ description: 'The service that answers.' })),
    redirect: Type.Optional(
      Section(
        {
          to: Type.String({
            description: 'Target of the redirect: a path or an address. A final `/*` carries the rest of the path.',
            pattern: '^[!-~]+$',
            'x-form': 'a path or address in visible ASCII, everything else percent-encoded',
          }),
          status: Type.Enum([301, 302, 303, 307, 308], { description: 'Status of the answer.', default: 308 }),
        },
        { description: 'Answers with a redirect instead of a service.' },
      ),
    ),
    respond: Type.Optional(
      Section(
        {
          status: Type.Integer({ description: 'Status of the answer.', default: 200, minimum: 200, maximum: 599 }),
          body: Type.String({ description: 'Body of the answer.', default: '', maxLength: 65_536 }),
          content_type: Type.Optional(
            HeaderValue({ description: 'Media type. Default `text/plain; charset=utf-8`.', minLength: 1 }),
          ),
        },
        { description: 'Answers with fixed content instead of a service.' },
      ),
    ),
    rewrite: Type.Optional(
      Section(
        {
          strip_prefix: Type.Optional(
            Type.String({ description: 'Prefix removed from the path before it is forwarded.', ...PATH }),
          ),
          path: Type.Optional(
            Type.String({
              description: 'Path that is forwarded instead; `:name` and a final `*` insert what the match found.',
              ...PATH,
            }),
          ),
        },
        { description: 'Changes the path that the upstream gets. Set one of the two.' },
      ),
    ),
    enabled: Type.Boolean({ description: '`false` disables the route.', default: true }),
    ...routePolicies,
  },
  { description: 'Requests that match go to the service under these policies.' },
);

export const ConfigFileSchema = Section(
  {
    settings: SettingsSchema,
    tiers: Type.Record(Type.String({ ...NAME_FORM }), TierSchema, {
      description: 'The plans of consumers, by name. Without any, the tier of a consumer is only a label.',
      default: {},
      additionalProperties: false,
    }),
    consumers: Type.Array(ConsumerSchema, { description: 'Callers defined in the file.', default: [] }),
    auth: TokenAuthSchema,
    defaults: DefaultsSchema,
    services: Type.Record(Type.String({ ...NAME_FORM }), ServiceSchema, {
      description: 'The backends, by name.',
      default: {},
      additionalProperties: false,
    }),
    routes: Type.Array(RouteSchema, { description: 'Routes in addition to the implied ones.', default: [] }),
  },
  { description: 'The configuration of the gateway.' },
);

export type ConfigFile = Static<typeof ConfigFileSchema>;
export type RoutePolicyFields = Pick<Static<typeof RouteSchema>, keyof typeof routePolicies>;
export type ServicePolicyFields = Pick<ServiceFields, keyof typeof servicePolicies>;
export type TargetConfig = Static<typeof TargetSchema>;
export type ServiceFields = Static<typeof ServiceSchema>;
export type ModelsFields = NonNullable<ServiceFields['models']>;
export type RouteFields = Static<typeof RouteSchema>;
export type ConsumerFields = Static<typeof ConsumerSchema>;
