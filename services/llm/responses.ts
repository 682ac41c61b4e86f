// POST /v1/responses: OpenAI's newer API, as far as plain text goes.
import { type Answer, errorAnswer, eventAnswer, jsonAnswer } from './answer.ts';
import { type Completion, complete, textOf } from './completion.ts';

export function answerResponses(body: Record<string, unknown>, model: string): Answer {
  const input = body['input'];
  const prompt = textOf(input);
  if (prompt === '') return errorAnswer(400, "'input' must be a text or a list of messages.");
  const limit = body['max_output_tokens'];
  const maxTokens = typeof limit === 'number' && limit >= 1 ? limit : Number.POSITIVE_INFINITY;
  const asked = Array.isArray(input) ? textOf(input.at(-1)) : prompt;
  const completion = complete({ model, prompt, asked, maxTokens });
  return body['stream'] === true ? stream(completion) : jsonAnswer(200, finished(completion));
}

function stream(completion: Completion): Answer {
  const message = messageOf(completion);
  const [part] = message.content;
  const place = { item_id: message.id, output_index: 0, content_index: 0 };
  const item = { ...message, status: 'in_progress', content: [] };
  const response = finished(completion);
  const ending = response.status === 'completed' ? 'response.completed' : 'response.incomplete';
  const events = [
    { type: 'response.created', response: { ...response, status: 'in_progress', output: [], usage: null } },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
    ...completion.tokens.map((delta) => ({ type: 'response.output_text.delta', ...place, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...place, text: part.text, logprobs: [] },
    { type: 'response.content_part.done', ...place, part },
    { type: 'response.output_item.done', output_index: 0, item: message },
    { type: ending, response },
  ];
  return eventAnswer(
    events.map((event, index) => {
      return `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: index })}\n\n`;
    }),
  );
}

function finished(completion: Completion) {
  const { id, created, model, tokens, promptTokens, finishReason } = completion;
  const message = messageOf(completion);
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: created,
    status: message.status,
    incomplete_details: finishReason === 'stop' ? null : { reason: 'max_output_tokens' },
    model,
    output: [message],
    usage: {
      input_tokens: promptTokens,
      output_tokens: tokens.length,
      total_tokens: promptTokens + tokens.length,
    },
  };
}

function messageOf({ id, tokens, finishReason }: Completion) {
  const text = { type: 'output_text', text: tokens.join(''), annotations: [], logprobs: [] };
  const status = finishReason === 'stop' ? 'completed' : 'incomplete';
  return { type: 'message', id: `msg_${id}`, status, role: 'assistant', content: [text] as const };
}
