import type { Model, Operation, ParsedBody } from '../exchange/model-call.ts';
import { NO_KINDS, type UsageKinds } from '../exchange/model-price.ts';
import { estimateMedia, TOKENS_PER_IMAGE } from './media-tokens.ts';

/** A token of English text is about four letters; where nobody counts, that is as good as any. */
const BYTES_PER_TOKEN = 4;
/** Where neither the client nor the catalogue sets a bound. */
const USUAL_OUTPUT = 1_024;
/** What clients may ask for has no bound, and what is reckoned with must stay an exact number. */
const MOST_OUTPUT = 1_000_000_000;
const MOST_ITEMS = 100_000;

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

/** Shorter prompts hold nothing but text, or the address of a picture. */
const LEAST_MEDIA_BYTES = 64;

/** Tokens of the prompt, from the bytes it takes in the body and the media in it; none where no model reads it. */
export function estimateInputTokens(operation: Operation, { body, spans }: ParsedBody): number {
  if (operation === 'count_tokens') return 0;
  let bytes = 0;
  const media = { bytes: 0, tokens: 0 };
  for (const { key, valueFrom, valueTo } of spans) {
    if (!PROMPT_FIELDS.has(key)) continue;
    bytes += valueTo - valueFrom;
    if (valueTo - valueFrom > LEAST_MEDIA_BYTES) estimateMedia(body[key], media);
  }
  return Math.ceil(Math.max(0, bytes - media.bytes) / BYTES_PER_TOKEN) + media.tokens;
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
  if (operation === 'images') return Math.min(itemsOf(body) * OUTPUT_PER_IMAGE, MOST_OUTPUT);
  if (operation === 'audio') return Math.max(charactersOf(body) * OUTPUT_PER_CHARACTER, USUAL_OUTPUT);
  if (!bounds) return 0;
  const asked = bounds.map((key) => body[key]).filter((bound) => typeof bound === 'number');
  const each = asked.length > 0 ? Math.max(...asked) : (model.maxOutputTokens ?? USUAL_OUTPUT);
  const answers = operation === 'chat' || operation === 'completions' ? answersOf(body) : 1;
  return Math.min(each * answers, MOST_OUTPUT);
}

/** The largest picture of the best quality that OpenAI's models make. */
const OUTPUT_PER_IMAGE = 6_240;
const OUTPUT_PER_CHARACTER = 2;
/** Speech is seldom compressed to less. */
const AUDIO_BYTES_PER_SECOND = 4_000;
const TOKENS_PER_SECOND = 10;

/** What a request says of things that are paid for beside tokens; `undefined` for nothing. */
export function assumeKinds(operation: Operation, body: ParsedBody['body'], fileBytes: number): UsageKinds | undefined {
  if (operation === 'images') return { ...NO_KINDS, items: itemsOf(body) };
  if (operation === 'rerank') return { ...NO_KINDS, items: 1 };
  if (operation !== 'audio') return undefined;
  const characters = charactersOf(body);
  const seconds = characters > 0 ? 0 : Math.max(1, Math.ceil(fileBytes / AUDIO_BYTES_PER_SECOND));
  return { ...NO_KINDS, seconds, characters, inputAudio: seconds * TOKENS_PER_SECOND };
}

/** Tokens of the files that come with a form. */
export function estimateFileTokens(operation: Operation, fileBytes: number): number {
  if (operation === 'audio') return Math.ceil(fileBytes / AUDIO_BYTES_PER_SECOND) * TOKENS_PER_SECOND;
  return fileBytes > 0 ? TOKENS_PER_IMAGE : 0;
}

function itemsOf({ n }: ParsedBody['body']): number {
  const items = typeof n === 'string' ? Number(n) : n;
  return Number.isSafeInteger(items) && (items as number) > 0 ? Math.min(items as number, MOST_ITEMS) : 1;
}

function charactersOf({ input }: ParsedBody['body']): number {
  return typeof input === 'string' ? input.length : 0;
}

function answersOf({ n, best_of: bestOf }: ParsedBody['body']): number {
  return Math.max(typeof n === 'number' ? n : 1, typeof bestOf === 'number' ? bestOf : 1);
}
