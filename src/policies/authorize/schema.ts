import { type Static, Type } from '../../lib/schema-builder.ts';
import { ModelName, Permission, Section } from '../../lib/schema-atoms.ts';

export const AuthorizeSchema = Section(
  {
    permissions: Type.Array(Permission(), {
      description:
        'Permissions a caller must have, all of them. A caller that holds `embed:*` has `embed:write`; one that holds `*` has every permission.',
      default: [],
      maxItems: 100,
      uniqueItems: true,
    }),
    models: Type.Array(ModelName(), {
      description:
        'Models that may be asked for here, of those the caller may use; empty means all of them. On llm and embeddings services.',
      default: [],
      maxItems: 1_000,
      uniqueItems: true,
    }),
  },
  {
    description:
      'What a caller needs in addition to a credential. The routes and models of a key are enforced without this section.',
  },
);

export type AuthorizeConfig = Static<typeof AuthorizeSchema>;
