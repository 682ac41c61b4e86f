import type { Model, Operation, ParsedBody } from '../exchange/model-call.ts';

/** A token of English text is about four letters; where nobody counts, that is as good as any. */
const BYTES_PER_TOKEN = 4;
/** Where neither the client nor the catalogue sets a bound. */
const USUAL_OUTPUT = 1_024;
/** What clients may ask for has no bound, and what is reckoned with must stay an exact number. */
const MOST_OUTPUT = 1_000_000_000;

/** What the model reads. */
const PROMPT_FIELDS = new Set([
  'messages',
  'input',
  'input_text',
  'prompt',
  'system',
  'instructions',
  'tools',
  'functions',
  'query',
  'documents',
]);

/** Tokens of the prompt, from the bytes it takes in the body; none where no model reads it. */
export function estimateInputTokens(operation: Operation, { spans }: ParsedBody): number {
  if (operation === 'count_tokens') return 0;
  let bytes = 0;
  for (const { key, valueFrom, valueTo } of spans) if (PROMPT_FIELDS.has(key)) bytes += valueTo - valueFrom;
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/** The fields that bound the output; of two an upstream may believe either. */
const BOUNDS: { readonly [K in Operation]?: readonly string[] } = {
  chat: ['max_completion_tokens', 'max_tokens'],
  completions: ['max_tokens'],
  responses: ['max_output_tokens'],
  messages: ['max_tokens'],
};

/** The most output a checked body may bring, over all the answers it asks for. */
export function boundOutputTokens(operation: Operation, { body }: ParsedBody, model: Model): number {
  const bounds = BOUNDS[operation];
  if (!bounds) return 0;
  const asked = bounds.map((key) => body[key]).filter((bound) => typeof bound === 'number');
  const each = asked.length > 0 ? Math.max(...asked) : (model.maxOutputTokens ?? USUAL_OUTPUT);
  const answers = operation === 'chat' || operation === 'completions' ? answersOf(body) : 1;
  return Math.min(each * answers, MOST_OUTPUT);
}

function answersOf({ n, best_of: bestOf }: ParsedBody['body']): number {
  return Math.max(typeof n === 'number' ? n : 1, typeof bestOf === 'number' ? bestOf : 1);
}
