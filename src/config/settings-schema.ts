import { ProcessLimitsSchema } from './process-limits-schema.ts';
import { type Dialect, DIALECTS } from '../errors/dialect.ts';
import { type Static, Type } from '../lib/schema-builder.ts';
import { PriceListFile } from '../llm/prices/price-schema.ts';
import { AddressRange, Duration, FilePath, OneOrMany, Section, Size } from '../lib/schema-atoms.ts';
import { policyField } from '../policies/schemas.ts';
import { AccountsSchema } from './accounts-schema.ts';

/** A dialect field; `note` says where it applies and what it defaults to. */
export function dialectField(note: string, options: { default?: Dialect } = {}) {
  const description = `Shape of the errors the gateway itself answers: \`problem\` (RFC 9457), \`openai\`, \`anthropic\`, \`simple\` (\`{error, detail, code}\`) or \`envelope\` (\`{status, error_code, message, details}\`). ${note}`;
  return Type.Enum([...DIALECTS], { description, ...options });
}

const Port = (description: string) => Type.Integer({ description, minimum: 0, maximum: 65_535 });
const ListenSchema = Section(
  {
    host: Type.String({
      description: 'Address to listen on. Environment: `SERVER_HOST`.',
      default: '0.0.0.0',
      minLength: 1,
    }),
    port: Type.Integer({
      description: 'Port to listen on; 0 takes any free one. Environment: `SERVER_PORT`, `PORT`.',
      default: 8000,
      minimum: 0,
      maximum: 65_535,
    }),
    tls: Type.Optional(
      Section(
        {
          cert: FilePath({ description: 'Certificate chain in PEM, server certificate first.' }),
          key: FilePath({ description: 'Private key in PEM.' }),
        },
        {
          description: 'Serves HTTPS with this certificate, read again when the files change. Plain HTTP unless given.',
        },
      ),
    ),
  },
  { description: 'Where the gateway listens. A change needs a restart.', default: {} },
);

const AdminSchema = Section(
  {
    listen: Type.Optional(
      Section(
        {
          host: Type.String({ description: 'Address to listen on.', default: '127.0.0.1', minLength: 1 }),
          port: Port('Port to listen on; 0 takes any free one.'),
        },
        {
          description:
            'Moves `/admin` and `/metrics` to their own socket. By default they are on the same socket as the routes.',
        },
      ),
    ),
    metrics_access: Type.Enum(['open', 'local', 'master_key'], {
      description:
        'Who may read `/metrics` without the master key: everybody; clients on this machine that no proxy speaks for (`local`; everybody with `--dev`); or nobody. With `local` the sockets of `admin.listen` and `metrics.port` answer everybody who reaches them.',
      default: 'local',
    }),
    ip: policyField('ip'),
  },
  { description: 'The administration interface.', default: {} },
);

const MetricsSchema = Section(
  {
    enabled: Type.Boolean({ description: 'Whether `/metrics` answers. Environment: `ENABLE_METRICS`.', default: true }),
    port: Type.Optional(Port('A further port that serves only `/metrics`. Environment: `PROMETHEUS_PORT`.')),
    compat: Type.Array(Type.Enum(['ai_gateway', 'api']), {
      description:
        'Additional metric names for the same counts: `ai_gateway` adds `ai_gateway_requests_total` and the like, `api` adds `api_requests_total` and `request_duration_seconds`.',
      default: [],
      uniqueItems: true,
    }),
  },
  { description: 'Prometheus metrics.', default: {} },
);

const MASKED = ['email', 'phone', 'ssn', 'account_number'] as const;

const LogSchema = Section(
  {
    level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      description: 'Lowest level that is logged. Environment: `LOG_LEVEL`; `DEBUG=true` means `debug`.',
      default: 'info',
    }),
    mask: Type.Array(Type.Enum([...MASKED]), {
      description:
        'Personal data masked in free text. Environment: `PATTERNS_TO_MASK`; `ENABLE_PII_MASKING=false` means none.',
      default: [...MASKED],
      uniqueItems: true,
    }),
    pretty: Type.Enum(['auto', 'on', 'off'], {
      description: 'Prints coloured lines instead of JSON. `auto`: only on a terminal.',
      default: 'auto',
    }),
  },
  { description: 'The log, one JSON line per event on standard output.', default: {} },
);

const ShutdownSchema = Section(
  {
    grace: Duration({
      description: 'How long `/ready` answers 503 before the gateway stops accepting connections.',
      default: '5s',
      maximum: '10m',
    }),
    drain: Duration({
      description:
        'How long running requests may take after that. Then requests without an answer get 503 `DRAINING`, event streams end with one error event, and WebSockets are closed with 1001.',
      default: '20s',
      maximum: '1h',
    }),
    flush: Duration({
      description: 'How long stores may take to write their remaining data.',
      default: '3s',
      maximum: '1m',
    }),
  },
  { description: 'What happens on SIGTERM. A second signal ends the process at once.', default: {} },
);

const UsageSchema = Section(
  {
    retention: Duration({
      description:
        'How long the records of requests to models and the counts per minute are kept. Sums per day are kept for ever.',
      default: '30d',
      minimum: '1d',
      maximum: '3650d',
    }),
    journal_size: Size({
      description:
        'Most bytes on disk of records that have not reached the database, per process: 1 GiB is about 2 million requests.',
      default: '1GiB',
      minimum: '64KiB',
      maximum: '1TiB',
    }),
    on_full: Type.Enum(['shed', 'count_only'], {
      description:
        'What happens to requests that cannot be recorded because the journal or the disk is full: `shed` answers 503, `count_only` answers them and only counts them per minute.',
      default: 'shed',
    }),
  },
  { description: 'Usage records.', default: {} },
);

export const SettingsSchema = Section(
  {
    listen: ListenSchema,
    admin: AdminSchema,
    rate_period: Duration({
      description: 'Window of the short form `rate_limit: 100`.',
      default: '60s',
      minimum: '1s',
      maximum: '31d',
    }),
    rate_limit: policyField('rate_limit'),
    budget: policyField('budget'),
    cors: policyField('cors'),
    accounts: AccountsSchema,
    workers: Type.Enum(['auto', ...Array.from({ length: 16 }, (_, index) => index + 1)], {
      description:
        'Number of processes that serve the same sockets; `auto`: one for each core. Another process supervises them and, without Redis, counts their limits; in that case budgets restart from zero when it ends. A change needs a restart.',
      default: 1,
    }),
    failed_auth: Section(
      {
        limit: Type.Integer({
          description: 'Invalid credentials per window.',
          default: 60,
          minimum: 1,
          maximum: 1_000_000,
        }),
        window: Duration({ description: 'Counting period.', default: '1m', minimum: '1s', maximum: '1d' }),
      },
      {
        description:
          'How many invalid credentials one client address may send. Beyond that invalid ones are answered 429; valid ones still pass.',
        default: {},
      },
    ),
    trust_proxy: Type.Array(AddressRange(), {
      description:
        'Proxies whose `X-Forwarded-*` headers are trusted: CIDR ranges, or the words `loopback` and `private`. Of several values of `X-Forwarded-Proto` the last counts.',
      default: [],
      uniqueItems: true,
    }),
    on_store_failure: Type.Enum(['local', 'open', 'closed'], {
      description:
        'What happens to rate limits while the shared store does not answer: `local` counts in each process with its share of the limit, `open` lets everything pass, `closed` answers 503. Limits of tokens and money are enforced in any case: each process spends its share of what was left at its last contact with the store, and answers 503 to callers it knows nothing about.',
      default: 'local',
    }),
    dialect: dialectField('This one applies before a route is matched and to own endpoints.', { default: 'problem' }),
    docs: Type.Enum(['auto', 'on', 'off'], {
      description:
        'Whether `/docs`, `/redoc` and `/openapi.json` are served, to everybody who can reach the gateway. `auto`: only with `--dev`.',
      default: 'auto',
    }),
    limit_headers: OneOrMany(Type.Enum(['auto', 'x-ratelimit', 'ratelimit', 'openai']), {
      description:
        'Headers that report the limit and what is left. `auto`: by the dialect of the route; `ratelimit` follows the IETF draft.',
      default: ['auto'],
    }),
    metrics: MetricsSchema,
    log: LogSchema,
    shutdown: ShutdownSchema,
    limits: ProcessLimitsSchema,
    redis: Section(
      {
        prefix: Type.String({
          description: 'Prefix of every Redis key, so that several gateways can share a server.',
          default: 'turnpike:',
          pattern: '^[^{}\\s]{0,64}$',
          'x-form': 'up to 64 characters without spaces and braces',
        }),
      },
      {
        description: 'The shared store. Its address comes from `REDIS_URL`; without it counters are kept in memory.',
        default: {},
      },
    ),
    usage: UsageSchema,
    price_list: PriceListFile,
    data_dir: Type.String({
      description:
        'Folder of the usage journal, and of the SQLite file when `DATABASE_URL` is unset; relative to the working directory.',
      default: './data',
      minLength: 1,
    }),
  },
  { description: 'What concerns the gateway as a whole.', default: {} },
);

export type Settings = Static<typeof SettingsSchema>;

/** Whether a gateway with these settings describes itself; `isDevelopment`: it was started with `--dev`. */
export function areDocsOn({ docs }: Pick<Settings, 'docs'>, isDevelopment: boolean): boolean {
  return docs === 'auto' ? isDevelopment : docs === 'on';
}
