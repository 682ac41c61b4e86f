import { Duration, DurationOrOff, Section, SizeOrOff } from '../../lib/schema-atoms.ts';
import { type Static, Type } from '../../lib/schema-builder.ts';
import type { ByKind } from '../../lib/service-kind.ts';

export const TimeoutSchema = Section(
  {
    connect: Type.Optional(
      Duration({
        description: 'Time to connect to the target. On services only. Default `2s`.',
        minimum: '1ms',
        maximum: '1h',
      }),
    ),
    first_byte: Type.Optional(
      Duration({
        description: 'Time from the connection to the response headers. Default `60s`; `600s` for llm.',
        minimum: '1ms',
        maximum: '1d',
      }),
    ),
    first_byte_streamed: Type.Optional(
      Duration({
        description: 'The same for llm requests that ask for a stream. Default `60s`.',
        minimum: '1ms',
        maximum: '1d',
      }),
    ),
    idle: Type.Optional(
      Duration({
        description:
          'Longest pause between two pieces of the body. Default `60s` (event streams and upgrades `1h`); `300s` for llm.',
        minimum: '1ms',
        maximum: '30d',
      }),
    ),
    total: Type.Optional(
      DurationOrOff({ description: 'Time for the whole exchange. Default `off`; `30m` for llm.', maximum: '30d' }),
    ),
    upload_idle: Type.Optional(
      DurationOrOff({
        description:
          'Longest pause between two pieces of a request body; past it 408. `off` for streams that go both ways. Default `10s`.',
        maximum: '30d',
      }),
    ),
    upload_rate: Type.Optional(
      SizeOrOff({
        description:
          'Least bytes per second of a request body, over any 30 seconds once 64 KiB have come; below it 408. Default `1000B`.',
        maximum: '1GiB',
      }),
    ),
  },
  {
    description:
      'Deadlines for the upstream, and for the client while it sends its body. A request that exceeds one is answered 504. Each field is inherited on its own.',
  },
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
  /** Milliseconds; 0 = off. */
  readonly upload_idle: number;
  /** Bytes per second; 0 = off. */
  readonly upload_rate: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const UPLOAD = { upload_idle: 10_000, upload_rate: 1_000 };

const HTTP: TimeoutConfig = {
  ...UPLOAD,
  connect: 2_000,
  first_byte: MINUTE,
  first_byte_streamed: MINUTE,
  idle: MINUTE,
  idle_streamed: HOUR,
  total: 0,
};

/** What applies to a field that nothing writes. Models take long to think, and no answer of theirs takes for ever. */
export const DEFAULT_TIMEOUT: ByKind<TimeoutConfig> = {
  http: HTTP,
  embeddings: HTTP,
  llm: {
    ...UPLOAD,
    connect: 2_000,
    first_byte: 10 * MINUTE,
    first_byte_streamed: MINUTE,
    idle: 5 * MINUTE,
    idle_streamed: 5 * MINUTE,
    total: 30 * MINUTE,
  },
};
