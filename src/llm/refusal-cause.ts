import type { FallbackCause } from '../lib/fallback-cause.ts';
import { failureIn } from './conversation/failure.ts';

/** Codes and types of OpenAI, Azure and servers like them. */
const CODES: Readonly<Record<string, FallbackCause>> = {
  context_length_exceeded: 'context_length',
  string_above_max_length: 'context_length',
  request_too_large: 'context_length',
  content_filter: 'content_policy',
  content_policy_violation: 'content_policy',
  moderation_blocked: 'content_policy',
  responsibleaipolicyviolation: 'content_policy',
};

/** Where a provider has no code for it: Anthropic, Gemini, Mistral, vLLM and llama.cpp say it in words. */
const WORDS: readonly (readonly [RegExp, FallbackCause])[] = [
  [/prompt is too long|context (?:length|window|size)|maximum context|too many (?:input )?tokens/i, 'context_length'],
  [/input token count.*exceeds|exceeds? the (?:maximum|max|limit).{0,40}tokens|too large for model/i, 'context_length'],
  [/content (?:filter|management|policy)|safety (?:system|filter)|usage polic/i, 'content_policy'],
];

/** What a refused request was refused for: its length or what it says; `undefined` for any other mistake of the client. */
export function refusalCause(status: number, body: Buffer): FallbackCause | undefined {
  const { code, type, message } = failureIn(body, status);
  const known = CODES[code.toLowerCase()] ?? CODES[type.toLowerCase()];
  return known ?? WORDS.find(([words]) => words.test(message))?.[1];
}
