import type { Static } from '../../lib/schema-builder.ts';
import { Duration, Section } from '../../lib/schema-atoms.ts';

export const CooldownSchema = Section(
  {
    max: Duration({
      default: '60s',
      minimum: '1s',
      maximum: '1h',
      description: 'The longest rest, however long `Retry-After` asks for.',
    }),
  },
  {
    description:
      'Leaves a model at a target alone after an answer of 429, 503 or 529, for as long as its `Retry-After` says. Without that header it rests for 5 seconds, where another target or a fallback model can take over. Other models at the target are asked as before. Requests go to other targets at once, outside the retry budget; only when all rest do clients get 429, with the time until the first one is back. Applies to llm and embeddings services. `false` switches it off.',
  },
);

export type CooldownConfig = Static<typeof CooldownSchema>;
