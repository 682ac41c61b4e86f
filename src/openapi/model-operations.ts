import type { RoutePath } from '../config/gateway-config.ts';
import type { ServiceKind } from '../lib/service-kind.ts';
import type { Operation } from '../exchange/model-call.ts';
import { readOperation } from '../llm/operation.ts';
import type { ModelsConfig } from '../llm/schema.ts';
import { type TSchema, Type } from '../lib/schema-builder.ts';
import { innerPattern } from './route-paths.ts';

interface Body {
  readonly schema: TSchema;
  readonly example: object;
}

/** An operation of an llm or embeddings service, with the fields that most requests have. */
export interface ModelOperation {
  readonly name: Operation;
  readonly method: 'get' | 'post';
  /** Behind `/v1`. */
  readonly path: string;
  readonly summary: string;
  readonly streams: boolean;
  /** The body with an example that asks for this model. */
  readonly body: ((model: string) => Body) | undefined;
  readonly answer: TSchema & { readonly description: string };
}

const Model = Type.String({ description: 'Name of the model, or an alias.' });
const Stream = Type.Optional(Type.Boolean({ description: 'Answers with an event stream.', default: false }));
const Temperature = Type.Optional(Type.Number({ minimum: 0, maximum: 2 }));
const MaxTokens = Type.Integer({ description: 'Most tokens of the answer.', minimum: 1 });

const Messages = Type.Array(Type.Object({ role: Type.String(), content: Type.Unknown() }), { minItems: 1 });
const SAMPLING = { stream: Stream, temperature: Temperature };
const HELLO = [{ role: 'user', content: 'Hello' }];

const ChatBody = Type.Object({
  model: Type.Optional(Model),
  messages: Messages,
  ...SAMPLING,
  max_tokens: Type.Optional(MaxTokens),
});
const CompletionBody = Type.Object({ model: Model, prompt: Type.Unknown(), ...SAMPLING });
const ResponseBody = Type.Object({ model: Model, input: Type.Unknown(), ...SAMPLING });
const MessagesBody = Type.Object({ model: Model, max_tokens: MaxTokens, messages: Messages, ...SAMPLING });
const EmbeddingsBody = Type.Object({
  model: Type.Optional(Model),
  input: Type.Unknown({ description: 'A text, or a list of texts.' }),
});
const EmbedBody = Type.Object({ input_text: Type.String({ minLength: 1 }), model: Type.Optional(Model) });

function answer(description: string): ModelOperation['answer'] {
  return { ...Type.Object({}), description };
}

function posted(name: Operation, path: string, summary: string, body: ModelOperation['body']): ModelOperation {
  const streams = !path.startsWith('/embed');
  const told = answer(
    path === '/embed' ? 'The vector, its model and what was used.' : `As the API answers: ${summary}.`,
  );
  return { name, method: 'post', path, summary, streams, body, answer: told };
}

const CHAT = posted('chat', '/chat/completions', 'Chat completion', (model) => ({
  schema: ChatBody,
  example: { model, messages: HELLO },
}));
const COMPLETIONS = posted('completions', '/completions', 'Completion', (model) => ({
  schema: CompletionBody,
  example: { model, prompt: 'Hello' },
}));
const RESPONSES = posted('responses', '/responses', 'Response', (model) => ({
  schema: ResponseBody,
  example: { model, input: 'Hello' },
}));
const MESSAGES = posted('messages', '/messages', 'Message', (model) => ({
  schema: MessagesBody,
  example: { model, max_tokens: 64, messages: HELLO },
}));
const EMBEDDINGS = posted('embeddings', '/embeddings', 'Embeddings', (model) => ({
  schema: EmbeddingsBody,
  example: { model, input: ['Hello', 'world'] },
}));
const EMBED = posted('embed', '/embed', 'Embedding of one text', () => ({
  schema: EmbedBody,
  example: { input_text: 'Hello, world!' },
}));

function asked(path: string, summary: string, description: string): ModelOperation {
  const told = answer(description);
  return { name: 'models', method: 'get', path, summary, streams: false, body: undefined, answer: told };
}

const MODELS = asked('/models', 'Models', 'The models the caller may use.');
const ONE_MODEL = asked('/models/:model', 'One model', 'The model.');

const OPERATIONS: Readonly<Record<ServiceKind, readonly ModelOperation[]>> = {
  http: [],
  llm: [CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBEDDINGS, MODELS, ONE_MODEL],
  embeddings: [EMBEDDINGS, EMBED, MODELS, ONE_MODEL],
};
const BY_NAME = new Map(
  [CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBEDDINGS, EMBED, MODELS].map((one) => [one.name, one]),
);

/** The operation that a path without anything open leads to. */
export function modelOperationAt(path: RoutePath): ModelOperation | undefined {
  return BY_NAME.get(readOperation(innerPattern(path)).operation);
}

/** The operations below a path: all of the kind if the path leaves everything after `/v1` open, otherwise none. */
export function modelOperationsOf(kind: ServiceKind, path: RoutePath): readonly ModelOperation[] {
  const inner = innerPattern(path);
  return inner === '/*' || inner === '/v1/*' ? OPERATIONS[kind] : [];
}

/** A model to ask for in examples. */
export function exampleModelOf(kind: ServiceKind, models: ModelsConfig | undefined): string {
  const chosen = models?.default === 'fastest' ? undefined : models?.default;
  const [listed] = Object.keys(models?.entries ?? {});
  return chosen ?? listed ?? (kind === 'embeddings' ? 'text-embedding-3-small' : 'gpt-4o-mini');
}
