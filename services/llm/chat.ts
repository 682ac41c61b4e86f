// POST /v1/chat/completions and the older POST /v1/completions, in OpenAI's shapes.
import { type Answer, errorAnswer, eventAnswer, jsonAnswer } from './answer.ts';
import { type Completion, complete, textOf } from './completion.ts';

type Body = Record<string, unknown>;

/** The two APIs differ in their names and in where the text stands, nothing else. */
interface Shape {
  idPrefix: string;
  object: string;
  chunkObject: string;
  whole(text: string): object;
  /** What a chunk carries: the first one has no text, the last one neither. */
  part(text: string | undefined): object;
}

const chat: Shape = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  whole: (text) => ({ message: { role: 'assistant', content: text, refusal: null } }),
  part: (text) => ({ delta: text === undefined ? {} : { content: text } }),
};

const legacy: Shape = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  whole: (text) => ({ text }),
  part: (text) => ({ text: text ?? '' }),
};

export function answerChat(body: Body, model: string): Answer {
  const messages = body['messages'];
  if (!Array.isArray(messages) || messages.length === 0) {
    return errorAnswer(400, "'messages' must be a list with at least one message.");
  }
  const question = { model, prompt: textOf(messages), asked: textOf(messages.at(-1)), maxTokens: maxTokens(body) };
  return render(chat, complete(question), body);
}

export function answerCompletion(body: Body, model: string): Answer {
  const prompt = textOf(body['prompt']);
  if (prompt === '') return errorAnswer(400, "'prompt' must be a text.");
  return render(legacy, complete({ model, prompt, asked: prompt, maxTokens: maxTokens(body) }), body);
}

function maxTokens(body: Body): number {
  const limit = body['max_completion_tokens'] ?? body['max_tokens'];
  return typeof limit === 'number' && limit >= 1 ? limit : Number.POSITIVE_INFINITY;
}

function render(shape: Shape, completion: Completion, body: Body): Answer {
  return body['stream'] === true ? stream(shape, completion, body) : whole(shape, completion);
}

function whole(shape: Shape, completion: Completion): Answer {
  const choice = { index: 0, ...shape.whole(completion.tokens.join('')), logprobs: null };
  return jsonAnswer(200, {
    ...head(shape, completion, shape.object),
    choices: [{ ...choice, finish_reason: completion.finishReason }],
    usage: usage(completion),
  });
}

function stream(shape: Shape, completion: Completion, body: Body): Answer {
  const options = body['stream_options'] as { include_usage?: unknown } | null | undefined;
  const withUsage = options?.include_usage === true;
  const chunk = (choices: object[], used: object | null = null) =>
    event({ ...head(shape, completion, shape.chunkObject), choices, ...(withUsage ? { usage: used } : {}) });
  const part = (content: object, reason: string | null = null) =>
    chunk([{ index: 0, ...content, logprobs: null, finish_reason: reason }]);
  const opening = shape === chat ? [part({ delta: { role: 'assistant', content: '' } })] : [];
  return eventAnswer([
    ...opening,
    ...completion.tokens.map((token) => part(shape.part(token))),
    part(shape.part(undefined), completion.finishReason),
    ...(withUsage ? [chunk([], usage(completion))] : []),
    'data: [DONE]\n\n',
  ]);
}

function head(shape: Shape, { id, created, model }: Completion, object: string): object {
  return { id: shape.idPrefix + id, object, created, model };
}

function usage({ promptTokens, tokens }: Completion): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
  };
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
