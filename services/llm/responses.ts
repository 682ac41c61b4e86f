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
  const place = { item_id: `msg_${completion.id}`, output_index: 0, content_index: 0 };
  const events = [
    { type: 'response.created', response: { ...finished(completion), status: 'in_progress', output: [], usage: null } },
    ...completion.tokens.map((delta) => ({ type: 'response.output_text.delta', ...place, delta })),
    { type: 'response.output_text.done', ...place, text: completion.tokens.join('') },
    { type: 'response.completed', response: finished(completion) },
  ];
  return eventAnswer(
    events.map((event, index) => {
      return `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: index })}\n\n`;
    }),
  );
}

function finished({ id, created, model, tokens, promptTokens, finishReason }: Completion): object {
  const content = [{ type: 'output_text', text: tokens.join(''), annotations: [] }];
  const status = finishReason === 'stop' ? 'completed' : 'incomplete';
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: created,
    status,
    incomplete_details: finishReason === 'stop' ? null : { reason: 'max_output_tokens' },
    model,
    output: [{ type: 'message', id: `msg_${id}`, status, role: 'assistant', content }],
    usage: {
      input_tokens: promptTokens,
      output_tokens: tokens.length,
      total_tokens: promptTokens + tokens.length,
    },
  };
}
