import { Duration, Section, Size } from '../../lib/schema-atoms.ts';
import { type Static, Type } from '../../lib/schema-builder.ts';

export const IdempotencySchema = Section(
  {
    ttl: Duration({
      description: 'How long a key is remembered after its answer.',
      default: '24h',
      minimum: '1m',
      maximum: '30d',
    }),
    max_recorded_bytes: Size({
      description:
        'Longest body that is kept and replayed. A request with a longer answer does not run again either: its key is answered 409.',
      default: '1MiB',
      minimum: '1KiB',
      maximum: '16MiB',
    }),
  },
  {
    description:
      'Runs a POST with an `Idempotency-Key` once: a repeated request of the same consumer with the same key gets the first answer again. Answers are kept in Redis or the database, bodies included, so they need a consumer to belong to. Off unless given.',
  },
);

export type IdempotencyConfig = Static<typeof IdempotencySchema>;

/** The short form. */
export const IdempotencyShorthand = Type.Unsafe<true>({ enum: [true], description: 'With all defaults.' });
