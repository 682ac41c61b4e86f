import { countTokens } from '../tokens.ts';
import { embed, toBase64 } from './vector.ts';

export const defaultDimensions = 768;

/** The answer to POST /v1/embeddings, or undefined when `input` is missing or of the wrong shape. */
export function answerEmbeddings(body: Record<string, unknown>, defaultModel: string): object | undefined {
  const inputs = readInputs(body['input']);
  if (inputs === undefined) return undefined;
  const dimensions = typeof body['dimensions'] === 'number' ? body['dimensions'] : defaultDimensions;
  const tokens = inputs.reduce(
    (sum, input) => sum + (typeof input === 'string' ? countTokens(input) : input.length),
    0,
  );
  const data = inputs.map((input, index) => {
    const vector = embed(typeof input === 'string' ? input : input.join(' '), dimensions);
    return { object: 'embedding', index, embedding: body['encoding_format'] === 'base64' ? toBase64(vector) : vector };
  });
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: 'list', data, model: body['model'] ?? defaultModel, usage };
}

/** One text, several texts, one list of token numbers or several of those: the four shapes OpenAI accepts. */
function readInputs(input: unknown): (string | number[])[] | undefined {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input) || input.length === 0) return undefined;
  if (isNumbers(input)) return [input];
  return input.every((each) => typeof each === 'string' || isNumbers(each)) ? input : undefined;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'number');
}
