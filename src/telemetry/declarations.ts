/** One metric family as users see it; `docs/metrics.md` is generated from these. */
export interface MetricDeclaration {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** In the order in which they are printed. */
  readonly labels: readonly string[];
  /** Upper bounds in seconds, histograms only; `+Inf` is implied. */
  readonly buckets?: readonly number[];
}

const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const OVERHEAD_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1];

/** Kept per service. */
export const SERVICE_METRICS = {
  requests: {
    name: 'gateway_requests_total',
    type: 'counter',
    help: 'Requests answered, by the status the client got; 499 when the client left before an answer.',
    labels: ['service', 'method', 'status'],
  },
  latency: {
    name: 'gateway_request_latency_seconds',
    type: 'histogram',
    help: 'Time from the request line to the last byte of the response; of a stream, to its end.',
    labels: ['service'],
    buckets: LATENCY_BUCKETS,
  },
  upstream: {
    name: 'gateway_upstream_latency_seconds',
    type: 'histogram',
    help: 'Time of one attempt, from sending to response headers or failure.',
    labels: ['service', 'target'],
    buckets: LATENCY_BUCKETS,
  },
  overhead: {
    name: 'gateway_overhead_seconds',
    type: 'histogram',
    help: 'Time before the response headers that was not spent waiting for an upstream: policies, reading a body that a policy needs, pauses between retries.',
    labels: ['service'],
    buckets: OVERHEAD_BUCKETS,
  },
  errors: {
    name: 'gateway_errors_total',
    type: 'counter',
    help: 'Answers of the gateway itself that refuse or fail a request, and streams cut short by the upstream, by error code.',
    labels: ['service', 'code'],
  },
  rateLimited: {
    name: 'gateway_rate_limited_total',
    type: 'counter',
    help: 'Decisions against a request by a rate limit, by the limit that was exceeded. A limit on a dry run has `:dry_run` after its name.',
    labels: ['service', 'limit'],
  },
  retries: {
    name: 'gateway_retries_total',
    type: 'counter',
    help: 'Second and further attempts, by the reason of the failure before.',
    labels: ['service', 'reason'],
  },
  cooldowns: {
    name: 'gateway_cooldowns_total',
    type: 'counter',
    help: 'Rests of a target, or of a model there, that began after an answer of 429, 503 or 529.',
    labels: ['service', 'target'],
  },
  circuitState: {
    name: 'gateway_circuit_state',
    type: 'gauge',
    help: 'Circuit breaker of a target: 0 closed, 1 half open, 2 open.',
    labels: ['service', 'target'],
  },
  targetHealthy: {
    name: 'gateway_target_healthy',
    type: 'gauge',
    help: 'Result of the health checks of a target: 1 healthy, 0 not.',
    labels: ['service', 'target'],
  },
  inFlight: {
    name: 'gateway_in_flight',
    type: 'gauge',
    help: 'Requests that are running now.',
    labels: ['service'],
  },
  streams: {
    name: 'gateway_streams_active',
    type: 'gauge',
    help: 'Responses of the running requests that are event streams, have no known length or are tunnels.',
    labels: ['service'],
  },
} as const satisfies Record<string, MetricDeclaration>;

/** Kept per model of the catalogue; all others are one, `other`. */
export const MODEL_METRICS = {
  tokens: {
    name: 'gateway_tokens_total',
    type: 'counter',
    help: 'Tokens used, by the model that answered. Told by the upstream, or estimated where it does not tell.',
    labels: ['model', 'direction'],
  },
  tokenKinds: {
    name: 'gateway_tokens_by_kind_total',
    type: 'counter',
    help: 'Those of the tokens that have prices of their own: `cached_read`, `cache_write`, `reasoning`, `audio`, `image`.',
    labels: ['model', 'kind'],
  },
  cost: {
    name: 'gateway_cost_usd_total',
    type: 'counter',
    help: 'What these tokens cost in dollars by the price table of the configuration.',
    labels: ['model'],
  },
} as const satisfies Record<string, MetricDeclaration>;

/**
 * What other gateways call the same things: printed where `settings.metrics.compat` names them. Counters whose names do
 * not end in `_total` are declared as gauges, because OpenMetrics has no such counters.
 */
export const COMPAT_METRICS = {
  ai_gateway: {
    requests: {
      name: 'ai_gateway_requests_total',
      type: 'counter',
      help: 'Requests to a model: `success` or `error`.',
      labels: ['model', 'status'],
    },
    duration: {
      name: 'ai_gateway_request_duration_seconds',
      type: 'histogram',
      help: 'Time of a request to a model, to the last byte.',
      labels: ['model'],
      buckets: LATENCY_BUCKETS,
    },
    limitHits: {
      name: 'ai_gateway_rate_limit_hits',
      type: 'gauge',
      help: 'Requests refused by a rate limit, by consumer; after the first 1,000 consumers `other`.',
      labels: ['user_id'],
    },
    tokens: {
      name: 'ai_gateway_tokens_used',
      type: 'gauge',
      help: 'Tokens used, by the model that answered.',
      labels: ['model'],
    },
  },
  api: {
    requests: { name: 'api_requests_total', type: 'counter', help: 'Requests answered.', labels: [] },
    duration: {
      name: 'request_duration_seconds',
      type: 'histogram',
      help: 'Time from the request line to the last byte of the response.',
      labels: [],
      buckets: LATENCY_BUCKETS,
    },
  },
} as const satisfies Record<string, Record<string, MetricDeclaration>>;

/** Kept once per gateway. */
export const GATEWAY_METRICS = {
  storeUp: {
    name: 'gateway_store_up',
    type: 'gauge',
    help: 'Whether a store answers: 1 yes, 0 no.',
    labels: ['store'],
  },
  degraded: {
    name: 'gateway_degraded',
    type: 'gauge',
    help: 'A reason for which the gateway works with less than it was configured to have: 1 while it lasts.',
    labels: ['reason'],
  },
  configReload: {
    name: 'gateway_config_reload_success',
    type: 'gauge',
    help: 'Whether the last load of the configuration succeeded: 1 yes, 0 no, and the one before is still live.',
    labels: [],
  },
  usageJournal: {
    name: 'gateway_usage_journal_bytes',
    type: 'gauge',
    help: 'Bytes of usage records on disk. Files go when the database has all of them, at least once a minute.',
    labels: [],
  },
  escapedErrors: {
    name: 'gateway_escaped_errors_total',
    type: 'counter',
    help: 'Errors that nobody expected in a listener or timer, by its place; each ended one connection. A bug of the gateway: please report it.',
    labels: ['place'],
  },
  failedCredentials: {
    name: 'gateway_failed_credentials_total',
    type: 'counter',
    help: 'Failures to prove who calls, by the door: `api_key`, `token`, `master_key`, `login`, `refresh`, and `sign_up` for sign-ups that were refused.',
    labels: ['door'],
  },
  configInfo: {
    name: 'gateway_config_info',
    type: 'gauge',
    help: 'Always 1; the label is the hash of the live configuration.',
    labels: ['hash'],
  },
} as const satisfies Record<string, MetricDeclaration>;
