import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, DurationOrOff, Section } from '../../lib/schema-atoms.ts';

export const TimeoutSchema = Section(
  {
    connect: Type.Optional(
      Duration({
        description: 'Until the connection to the target stands. Service only. Default `2s`.',
        minimum: '1ms',
        maximum: '1h',
      }),
    ),
    first_byte: Type.Optional(
      Duration({
        description: 'From the end of connecting to the response headers. Default `60s`; `600s` for llm.',
        minimum: '1ms',
        maximum: '1d',
      }),
    ),
    first_byte_streamed: Type.Optional(
      Duration({
        description: 'The same, for llm requests that ask for a stream. Default `60s`.',
        minimum: '1ms',
        maximum: '1d',
      }),
    ),
    idle: Type.Optional(
      Duration({
        description: 'Between two pieces of the body. Default `60s` (event streams and upgrades `1h`); `300s` for llm.',
        minimum: '1ms',
        maximum: '30d',
      }),
    ),
    total: Type.Optional(
      DurationOrOff({ description: 'The whole exchange. Default `off`; `30m` for llm.', maximum: '30d' }),
    ),
  },
  { description: 'Deadlines towards the upstream; past one the answer is 504. Merged field by field.' },
);

/** As written: only the fields the file names. */
export type TimeoutFields = Static<typeof TimeoutSchema>;

/** Loaded: every deadline in milliseconds. */
export interface TimeoutConfig {
  readonly connect: number;
  readonly first_byte: number;
  readonly first_byte_streamed: number;
  readonly idle: number;
  /** `idle` for event streams and upgrades: an hour on http unless `idle` is written. */
  readonly idle_streamed: number;
  /** 0 = no total deadline. */
  readonly total: number;
}
