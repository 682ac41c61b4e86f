import { DurationOrOff, Section } from '../../lib/schema-atoms.ts';
import { type Static, Type } from '../../lib/schema-builder.ts';
import { defaultsOf } from '../../lib/schema-defaults.ts';
import { type ByKind, byKind } from '../../lib/service-kind.ts';

export const StreamSchema = Section(
  {
    keep_alive: Type.Optional(
      DurationOrOff({
        description:
          'After this long without a byte, the client of an event stream gets a comment, so that nothing in between closes the connection. Default `15s` for llm, `off` for http and embeddings.',
        maximum: '1h',
      }),
    ),
    on_client_abort: Type.Enum(['stop', 'drain'], {
      description:
        'When the client of an llm or embeddings request leaves: `stop` ends the upstream call at once, and usage is estimated; `drain` reads on for up to 5 seconds and 1 MiB to learn the exact usage, for at most 8 answers at a time.',
      default: 'stop',
    }),
  },
  { description: 'How streamed answers are relayed.' },
);

/** Loaded: with the default of the kind filled in. */
export interface StreamConfig extends Static<typeof StreamSchema> {
  /** Milliseconds; 0 = never. */
  readonly keep_alive: number;
}

const KEEP_ALIVE: ByKind<number> = { http: 0, llm: 15_000, embeddings: 0 };

export const DEFAULT_STREAM: ByKind<StreamConfig> = byKind((kind) => ({
  keep_alive: KEEP_ALIVE[kind],
  ...defaultsOf(StreamSchema),
}));
