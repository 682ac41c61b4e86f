import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, Section } from '../../lib/schema-atoms.ts';

export const ConcurrencySchema = Section(
  {
    limit: Type.Integer({
      description: 'Requests that may run at the same time, per process.',
      minimum: 1,
      maximum: 1_000_000,
    }),
    per: Type.Enum(['consumer', 'ip', 'service', 'route'], {
      description:
        'What the limit is counted over. Beyond it, `consumer` and `ip` answer 429; `service` and `route` are shared by all callers and answer 503.',
      default: 'consumer',
    }),
    queue: Type.Optional(
      Section(
        {
          max: Type.Integer({ description: 'Requests that may wait for a place.', minimum: 1, maximum: 100_000 }),
          wait: Duration({ description: 'Longest wait for a place.', default: '2s', minimum: '1ms', maximum: '5m' }),
        },
        {
          description:
            'Lets requests beyond the limit wait instead of refusing them at once. Without it there is no queue.',
        },
      ),
    ),
  },
  {
    description: 'Requests running at the same time. Lines of service and route both apply.',
  },
);

export type ConcurrencyConfig = Static<typeof ConcurrencySchema>;

/** One line with the level it was written on: the level's name is part of what is counted. */
export interface ConcurrencyLine extends ConcurrencyConfig {
  readonly level: 'service' | 'route';
  /** Name of the service or route. */
  readonly id: string;
}
