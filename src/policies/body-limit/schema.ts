import { Size } from '../../lib/schema-atoms.ts';

export const BodyLimitSchema = Size({
  description:
    'Largest request body; a larger one is answered 413. Default `10MiB` for http, `32MiB` for llm and embeddings.',
  maximum: '10GiB',
});
