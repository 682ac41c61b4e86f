import { type Static, Type } from '../../lib/schema-builder.ts';
import { Section } from '../../lib/schema-atoms.ts';
import { defaultsOf } from '../../lib/schema-defaults.ts';
import { type ByKind, byKind } from '../../lib/service-kind.ts';

export const PathsSchema = Section(
  {
    encoded_slash: Type.Optional(
      Type.Enum(['refuse', 'pass'], {
        description:
          'A `%2F` in the path: `refuse` answers 400, `pass` forwards it as it is; it never separates segments. Default `refuse` for http and embeddings, `pass` for llm.',
      }),
    ),
    empty_segments: Type.Enum(['refuse', 'pass'], {
      description: 'A `//` in the path: `refuse` answers 400, `pass` forwards it as it is.',
      default: 'refuse',
    }),
  },
  { description: 'How paths are treated that servers read in different ways.' },
);

/** Loaded: what the file leaves to the kind of the service is filled in. */
export type PathsConfig = Required<Static<typeof PathsSchema>>;

export const DEFAULT_PATHS: ByKind<PathsConfig> = byKind((kind) => ({
  // Names of models contain slashes, which clients escape.
  encoded_slash: kind === 'llm' ? 'pass' : 'refuse',
  ...defaultsOf(PathsSchema),
}));
