// The model's answer: the same for the same question, cut into tokens.
import { createHash } from 'node:crypto';
import { countTokens, splitTokens } from '../tokens.ts';

export interface Completion {
  /** Hexadecimal, the same for the same request. */
  id: string;
  model: string;
  /** Unix seconds. */
  created: number;
  tokens: string[];
  finishReason: 'stop' | 'length';
  promptTokens: number;
}

interface Question {
  model: string;
  /** Every text the request holds. */
  prompt: string;
  /** The text that is answered. */
  asked: string;
  maxTokens: number;
}

export function complete({ model, prompt, asked, maxTokens }: Question): Completion {
  const quoted = asked.length > 200 ? `${asked.slice(0, 200)}…` : asked;
  const tokens = splitTokens(`You said: "${quoted}". This is the sample answer of ${model}, word by word.`);
  return {
    id: createHash('sha256')
      .update(JSON.stringify([model, prompt, maxTokens]))
      .digest('hex')
      .slice(0, 24),
    model,
    created: Math.floor(Date.now() / 1000),
    tokens: tokens.slice(0, maxTokens),
    finishReason: tokens.length > maxTokens ? 'length' : 'stop',
    promptTokens: countTokens(prompt),
  };
}

/** The text of a message's or prompt's content: a text, or a list of texts or of parts with a `text`. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map(textOf).join(' ');
  const isObject = typeof content === 'object' && content !== null;
  if (!isObject) return '';
  const { text, content: inner } = content as Record<string, unknown>;
  return textOf(text ?? inner ?? '');
}
