import { Size } from '../../lib/schema-atoms.ts';
import type { ByKind } from '../../lib/service-kind.ts';

export const BodyLimitSchema = Size({
  description:
    'Largest request body; a larger one is answered 413. Default `10MiB` for http, `32MiB` for llm and embeddings.',
  maximum: '10GiB',
});

const MIB = 1_048_576;

/** Bytes. Requests to models carry images and documents. */
export const DEFAULT_BODY_LIMIT: ByKind<number> = { http: 10 * MIB, llm: 32 * MIB, embeddings: 32 * MIB };
