import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, Section } from '../../lib/schema-atoms.ts';

const Backoff = Section(
  {
    initial: Duration({
      default: '50ms',
      minimum: '1ms',
      maximum: '10s',
      description:
        'Upper bound of the first wait. The bound doubles with every further retry, and each wait is drawn evenly between nothing and the bound, so that callers that failed together do not return together.',
    }),
    max: Duration({
      default: '1s',
      minimum: '1ms',
      maximum: '1m',
      description: 'The bound of a wait never grows beyond this.',
    }),
  },
  {
    default: {},
    description: 'How long to wait between attempts. A `Retry-After` sent by the upstream replaces the drawn wait.',
  },
);

export const RetrySchema = Section(
  {
    attempts: Type.Integer({
      default: 3,
      minimum: 1,
      maximum: 10,
      description:
        'Attempts per request, the first one included, whatever the target and the model. 1 never retries. Where a model has fallbacks, the last attempt is kept for one of them.',
    }),
    backoff: Backoff,
    budget_percent: Type.Number({
      default: 10,
      minimum: 0,
      maximum: 100,
      description:
        'Retries may add this share of the recent requests to the load of the service, plus at most 10 in a burst. When the budget is spent, failures reach the client at once: retries cannot multiply an outage.',
    }),
    methods: Type.Enum(['idempotent', 'all'], {
      default: 'idempotent',
      description:
        'Which methods are repeated after a request may have reached the upstream: `idempotent` (GET, HEAD, OPTIONS, PUT, DELETE, TRACE) or `all`. A request that provably was not sent is repeated whatever its method.',
    }),
  },
  {
    description:
      'Repeats a failed call, at another target or with a fallback model if there is one, while nothing has been sent to the client. `false` switches it off; a fallback is then asked only when no target of the model is available.',
  },
);

export type RetryConfig = Static<typeof RetrySchema>;
