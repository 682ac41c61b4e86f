import { Type } from '../lib/schema-builder.ts';
import { Section, Size, Duration } from '../lib/schema-atoms.ts';

export const ProcessLimitsSchema = Section(
  {
    header_bytes: Size({
      description: 'Largest request head; a larger one is answered 431.',
      default: '16KiB',
      minimum: '1KiB',
      maximum: '1MiB',
    }),
    header_count: Type.Integer({
      description: 'Most header lines of a request; more are answered 431.',
      default: 100,
      minimum: 10,
      maximum: 2_000,
    }),
    upstream_header_bytes: Size({
      description: 'Largest response head of an upstream; past it 502.',
      default: '64KiB',
      minimum: '1KiB',
      maximum: '1MiB',
    }),
    connection_age: Duration({
      description:
        'Greatest age at which a connection to a target takes another request. After it the name of the target is looked up anew, so that a change of DNS is noticed under load, too.',
      default: '5m',
      minimum: '100ms',
      maximum: '30d',
    }),
    buffered_bytes: Size({
      description: 'Most bytes of request bodies in memory at one time; requests beyond that are answered 503.',
      default: '256MiB',
      minimum: '1MiB',
      maximum: '64GiB',
    }),
    caller_share: Type.Integer({
      description:
        'Most percent that one caller may hold of what callers share: memory for request bodies, for answers being recorded, and places in queues. It shrinks while others hold some, so that a part stays free for those who hold nothing. Without a caller the client address counts, IPv6 by /64. Set 100 where all traffic comes with one key.',
      default: 50,
      minimum: 1,
      maximum: 100,
    }),
    counts: Type.Integer({
      description:
        'Most counts of `rate_limit` and `budget` kept in memory where there is no Redis, about 1 KiB each: one for each line and caller or address. Past it the ones unused for longest are forgotten, which gives their callers a new window. Read at the start.',
      default: 180_000,
      minimum: 1_000,
      maximum: 100_000_000,
    }),
    kept_answers: Size({
      description:
        'Most bytes of answers kept for `idempotency`, in the database or in the Redis of `REDIS_ANSWERS_URL`; one caller has its `caller_share` of them. The oldest go first.',
      default: '256MiB',
      minimum: '1MiB',
      maximum: '1TiB',
    }),
    connections: Type.Integer({
      description: 'Most client connections; additional ones are closed.',
      default: 20_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    connections_per_address: Type.Integer({
      description:
        'Most connections of one client address, IPv6 by /64; further ones are closed. Peers in `trust_proxy` are not bound by it.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    pipelining: Type.Integer({
      description:
        'How many pipelined requests of one connection run at the same time. Requests with unsafe methods always run one after the other. A change needs a restart.',
      default: 4,
      minimum: 1,
      maximum: 100,
    }),
  },
  { description: 'Limits of the process.', default: {} },
);
