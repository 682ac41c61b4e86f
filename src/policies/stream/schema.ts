import { DurationOrOff, Section } from '../../lib/schema-atoms.ts';
import { type Static, Type } from '../../lib/schema-builder.ts';

export const StreamSchema = Section(
  {
    keep_alive: Type.Optional(
      DurationOrOff({
        description:
          'A client of an event stream gets a comment after so long without a byte, so that nothing between closes the connection. Default `15s` for llm, `off` for http and embeddings.',
        maximum: '1h',
      }),
    ),
    on_client_abort: Type.Enum(['stop', 'drain'], {
      description:
        'When the client of an llm or embeddings request leaves: `stop` ends the upstream call at once, and usage is estimated; `drain` reads on for up to 5 seconds and 1 MiB to learn the exact usage, for at most 8 answers at a time.',
      default: 'stop',
    }),
  },
  { description: 'How long answers are relayed.' },
);

/** Loaded: with the default of the kind filled in. */
export interface StreamConfig extends Static<typeof StreamSchema> {
  /** Milliseconds; 0 = never. */
  readonly keep_alive: number;
}
