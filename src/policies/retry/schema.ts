import Type, { type Static } from 'typebox';

const Backoff = Type.Object(
  {
    initial: Type.Number({
      default: 50,
      minimum: 1,
      maximum: 10_000,
      description:
        'Upper bound of the first wait. The bound doubles with every further retry, and each wait is drawn evenly between nothing and the bound, so that callers that failed together do not return together.',
    }),
    max: Type.Number({
      default: 1_000,
      minimum: 1,
      maximum: 60_000,
      description: 'The bound of a wait never grows beyond this.',
    }),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'How long to wait between attempts. A `Retry-After` sent by the upstream replaces the drawn wait.',
  },
);

export const RetrySchema = Type.Object(
  {
    attempts: Type.Integer({
      default: 3,
      minimum: 1,
      maximum: 10,
      description: 'Attempts per request, the first one included. 1 never retries.',
    }),
    backoff: Backoff,
    budget_percent: Type.Number({
      default: 10,
      minimum: 0,
      maximum: 100,
      description:
        'Retries may add this share of the recent requests to the load of the service, plus at most 10 in a burst. When the budget is spent, failures reach the client at once: retries cannot multiply an outage.',
    }),
    methods: Type.Union([Type.Literal('idempotent'), Type.Literal('all')], {
      default: 'idempotent',
      description:
        'Which methods are repeated after a request may have reached the upstream: `idempotent` (GET, HEAD, OPTIONS, PUT, DELETE, TRACE) or `all`. A request that provably was not sent is repeated whatever its method.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'Repeats a failed call, at another target when there is one, as long as nothing has been sent to the client. `false` switches it off.',
  },
);

export type RetryConfig = Static<typeof RetrySchema>;
