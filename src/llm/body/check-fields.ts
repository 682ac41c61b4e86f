import type { Rejection } from '../../errors/rejection.ts';
import type { Operation } from '../../exchange/model-call.ts';
import { unusable, wrongType } from './faults.ts';

/** What a field takes: `form` completes "must be", `why` the name of a field that cannot be used. */
interface Kind {
  readonly form: string;
  readonly accepts: (value: unknown) => boolean;
  readonly why?: string;
  readonly isUsable?: (value: unknown) => boolean;
}

const text: Kind = { form: 'text', accepts: (value) => typeof value === 'string' };
const name: Kind = { ...text, why: 'must not be empty', isUsable: (value) => value !== '' };
const flag: Kind = { form: 'true or false', accepts: (value) => typeof value === 'boolean' };
const number: Kind = { form: 'a number', accepts: (value) => typeof value === 'number' };
const list: Kind = { form: 'a list', accepts: Array.isArray };
const section: Kind = { form: 'an object', accepts: isObject };
const count: Kind = {
  form: 'a whole number',
  accepts: Number.isSafeInteger,
  why: 'must be at least 1',
  isUsable: (value) => (value as number) >= 1,
};
const textOrList: Kind = {
  form: 'text or a list',
  accepts: (value) => typeof value === 'string' || Array.isArray(value),
};
const filledTextOrList: Kind = {
  ...textOrList,
  why: 'must not be empty',
  isUsable: (value) => (value as string | unknown[]).length > 0,
};

const SAMPLING = { temperature: number, top_p: number, stream: flag, user: text, metadata: section };
const OPENAI = { ...SAMPLING, frequency_penalty: number, presence_penalty: number, n: count, seed: number };
const OPENAI_TEXT = { ...OPENAI, model: name, max_tokens: count, stop: textOrList, stream_options: section };

/** Fields whose type is known. All others belong to the upstream. */
const FIELDS: { readonly [K in Operation]?: Readonly<Record<string, Kind>> } = {
  chat: { ...OPENAI_TEXT, max_completion_tokens: count, tools: list, functions: list, response_format: section },
  completions: { ...OPENAI_TEXT, prompt: filledTextOrList, best_of: count, suffix: text, echo: flag },
  responses: {
    ...SAMPLING,
    model: name,
    input: filledTextOrList,
    instructions: textOrList,
    max_output_tokens: count,
    tools: list,
    background: flag,
    previous_response_id: text,
  },
  messages: { ...SAMPLING, model: name, max_tokens: count, system: textOrList, tools: list, stop_sequences: list },
  count_tokens: { model: name, system: textOrList, tools: list },
  embeddings: { model: name, dimensions: count, encoding_format: text, user: text },
  embed: { model: name, user: text },
  moderations: { model: name },
  rerank: { model: name, query: text, documents: list },
  images: { model: name, n: count, stream: flag, user: text },
  audio: { model: name, input: text },
};

const BY_OPERATION = new Map(
  Object.entries(FIELDS).map(([operation, kinds]) => [operation as Operation, new Map(Object.entries(kinds))]),
);

/** The first field that does not hold what its operation takes there. `null` counts as left out. */
export function findFieldFault(operation: Operation, body: Readonly<Record<string, unknown>>): Rejection | undefined {
  const kinds = BY_OPERATION.get(operation);
  for (const key in body) {
    const kind = kinds?.get(key);
    const value = body[key];
    if (!kind || value === null) continue;
    if (!kind.accepts(value)) return wrongType(key, kind.form);
    if (kind.isUsable && !kind.isUsable(value)) return unusable(key, kind.why as string);
  }
  return undefined;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
