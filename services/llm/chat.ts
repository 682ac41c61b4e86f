// POST /v1/chat/completions and the older POST /v1/completions, in OpenAI's shapes.
import { type Answer, errorAnswer, eventAnswer, jsonAnswer } from './answer.ts';
import { type Completion, complete, textOf } from './completion.ts';
import { callTool, halves, type ToolCall } from './tool-call.ts';

type Body = Record<string, unknown>;

/** The two APIs differ only in their names and in the position of the text. */
interface Shape {
  idPrefix: string;
  object: string;
  chunkObject: string;
  whole(text: string): object;
  /** The content of the chunks between the first and the last. */
  parts(tokens: string[]): object[];
  /** The content of the last chunk. */
  lastPart: object;
  /** Instead of the reason why the text ended. */
  finishReason?: string;
}

const chat: Shape = {
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  whole: (text) => ({ message: { role: 'assistant', content: text, refusal: null } }),
  parts: (tokens) => tokens.map((text) => ({ delta: { content: text } })),
  lastPart: { delta: {} },
};

const legacy: Shape = {
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  whole: (text) => ({ text }),
  parts: (tokens) => tokens.map((text) => ({ text })),
  lastPart: { text: '' },
};

export function answerChat(body: Body, model: string): Answer {
  const messages = body['messages'];
  if (!Array.isArray(messages) || messages.length === 0) {
    return errorAnswer(400, "'messages' must be a list with at least one message.");
  }
  const question = { model, prompt: textOf(messages), asked: textOf(messages.at(-1)), maxTokens: maxTokens(body) };
  const call = callOf(body, question.asked);
  return render(call ? calling(call) : chat, complete(question), body);
}

/** A chat that is answered with a tool call. */
function calling({ id, name, written }: ToolCall): Shape {
  const whole = { id, type: 'function', function: { name, arguments: written } };
  const opening = { index: 0, id, type: 'function', function: { name, arguments: '' } };
  const parts = halves(written).map((part) => ({ index: 0, function: { arguments: part } }));
  return {
    ...chat,
    whole: () => ({ message: { role: 'assistant', content: null, refusal: null, tool_calls: [whole] } }),
    parts: () => [opening, ...parts].map((part) => ({ delta: { tool_calls: [part] } })),
    finishReason: 'tool_calls',
  };
}

/** Only a request that asks for a call gets one: `tool_choice` `required` takes the first tool. */
function callOf(body: Body, asked: string): ToolCall | undefined {
  const { tools = [], tool_choice: choice } = body as { tools?: ChatTool[]; tool_choice?: string | ChatTool };
  const wanted = typeof choice === 'object' ? choice.function?.name : undefined;
  if (choice !== 'required' && wanted === undefined) return undefined;
  const tool = tools.find((each) => wanted === undefined || each.function?.name === wanted)?.function;
  return tool && callTool({ name: tool.name, schema: tool.parameters }, asked, 'call_');
}

interface ChatTool {
  function?: { name: string; parameters?: unknown };
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
    choices: [{ ...choice, finish_reason: shape.finishReason ?? completion.finishReason }],
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
  const opening = shape !== legacy ? [part({ delta: { role: 'assistant', content: '' } })] : [];
  return eventAnswer([
    ...opening,
    ...shape.parts(completion.tokens).map((content) => part(content)),
    part(shape.lastPart, shape.finishReason ?? completion.finishReason),
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
