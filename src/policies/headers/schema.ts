import { type Static, Type } from '../../lib/schema-builder.ts';
import { HeaderName, HeaderValue, Section } from '../../lib/schema-atoms.ts';
import { defaultsOf } from '../../lib/schema-defaults.ts';
import { type ByKind, byKind } from '../../lib/service-kind.ts';

const HeaderValues = (description: string) =>
  Type.Record(HeaderName(), HeaderValue(), {
    description,
    default: {},
    additionalProperties: false,
  });

const edits = (description: string) =>
  Section(
    {
      set: HeaderValues('Headers to set; they replace existing ones.'),
      add: HeaderValues('Headers to add to existing ones.'),
      remove: Type.Array(HeaderName(), { description: 'Headers to remove.', default: [] }),
    },
    { description, default: {} },
  );

export const HeadersSchema = Section(
  {
    request: edits('Changes to the request that the upstream gets.'),
    response: edits('Changes to the response that the client gets.'),
    preserve_host: Type.Boolean({
      description: "Sends the client's `Host` to the upstream instead of the target's.",
      default: false,
    }),
    forward_credentials: Type.Boolean({
      description: 'Sends the header that authenticated the caller to the upstream as well.',
      default: false,
    }),
    forward_identity: Type.Optional(
      Type.Boolean({
        description:
          'Sends the identity of the caller to the upstream: `X-Consumer-Id`, `X-Consumer-Tier` and the client address. Default true for http, false for llm and embeddings.',
      }),
    ),
    allow_client_key: Type.Boolean({
      description:
        'On llm and embeddings: a caller may send a key of its own in the header `openai-api-key`, which then replaces `api_key` at targets whose provider is `openai`. It changes no address and goes to no other provider.',
      default: false,
    }),
    underscores: Type.Enum(['pass', 'drop', 'refuse'], {
      description: 'What happens to request headers with `_` in their name, which many servers confuse with `-`.',
      default: 'pass',
    }),
  },
  { description: 'Headers of requests to the upstream and of responses to the client.' },
);

/** Loaded: what the file leaves to the kind of the service is filled in. */
export type HeadersConfig = Static<typeof HeadersSchema> & { forward_identity: boolean };

export const DEFAULT_HEADERS: ByKind<HeadersConfig> = byKind((kind) => ({
  // A model provider is a third party: it learns nothing about the caller.
  forward_identity: kind === 'http',
  ...defaultsOf(HeadersSchema),
}));
