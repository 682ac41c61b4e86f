import type { ModelCall } from '../../../exchange/model-call.ts';
import type { Answer, AnswerHead, AnswerPart, AnswerUsage, FinishReason } from '../../conversation/answer.ts';
import { packSeal, type Seal } from '../../conversation/seal.ts';
import { type JsonObject, objectAt, textAt } from '../../json.ts';
import { answerModel, newId, unixSeconds } from '../answer-names.ts';
import { freeformInput } from '../freeform.ts';
import { type ToolNames, toolNames } from './tool-names.ts';

/** A response that has ended. */
export function writeAnswer(answer: Answer, call: ModelCall): JsonObject {
  const head = responseHead(answer, call);
  const names = toolNames(call.body);
  const output = answer.parts.map((part, i) => writeItem(part, itemId(head, i), names));
  return { ...head, ...writeEnd(answer.reason), output, usage: writeUsage(answer.usage, call) };
}

/** What a response repeats of its request. Nothing of it is kept here. */
export function responseHead(answer: AnswerHead, call: ModelCall): JsonObject {
  const { body } = call;
  return {
    id: answer.id === '' ? newId('resp_') : answer.id.replace(/^(?:resp_)?/, 'resp_'),
    object: 'response',
    created_at: unixSeconds(),
    completed_at: null,
    status: 'in_progress',
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    max_tool_calls: body['max_tool_calls'] ?? null,
    model: answerModel(call, answer),
    output: [],
    parallel_tool_calls: body['parallel_tool_calls'] ?? true,
    previous_response_id: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    prompt_cache_key: body['prompt_cache_key'] ?? null,
    reasoning: { effort: null, summary: null, ...objectAt(body, 'reasoning') },
    safety_identifier: null,
    service_tier: 'default',
    store: false,
    temperature: body['temperature'] ?? 1,
    text: { format: { type: 'text' }, ...objectAt(body, 'text') },
    tool_choice: body['tool_choice'] ?? 'auto',
    tools: body['tools'] ?? [],
    top_logprobs: 0,
    top_p: body['top_p'] ?? 1,
    truncation: 'disabled',
    usage: null,
    metadata: body['metadata'] ?? {},
  };
}

/** Told by the response and the place, so that the end of a stream says what its beginning said. */
export function itemId(head: JsonObject, index: number): string {
  return `${textAt(head, 'id').replace(/^resp_/, '')}_${index}`;
}

export function writeEnd(reason: FinishReason): JsonObject {
  if (reason === 'length') return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  if (reason === 'filter') return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
  return { status: 'completed', completed_at: unixSeconds() };
}

function writeItem(part: AnswerPart, id: string, names: ToolNames): JsonObject {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return { ...messageItem(id), status: 'completed', content: [writeContent(part.kind, part.text)] };
    case 'reasoning':
      return reasoningItem(id, part.text, part.seal);
    case 'call':
      return callItem(part, id, names);
  }
}

export function messageItem(id: string): JsonObject {
  return { id: `msg_${id}`, type: 'message', role: 'assistant', status: 'in_progress', content: [] };
}

export function writeContent(kind: 'text' | 'refusal', text: string): JsonObject {
  return kind === 'text'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'refusal', refusal: text };
}

export function reasoningItem(id: string, text: string, seal: Seal | undefined): JsonObject {
  const summary = text === '' ? [] : [{ type: 'summary_text', text }];
  return { id: `rs_${id}`, type: 'reasoning', summary, ...(seal ? { encrypted_content: sealText(seal) } : {}) };
}

function sealText(seal: Seal): string {
  return seal.origin === 'responses' ? seal.data : packSeal(seal);
}

export function callItem(
  { id: callId, name, input }: { readonly id: string; readonly name: string; readonly input: string },
  id: string,
  names: ToolNames,
): JsonObject {
  const status = 'completed';
  if (names.freeform.has(name))
    return { id: `ctc_${id}`, type: 'custom_tool_call', status, call_id: callId, name, input: freeformInput(input) };
  const called = names.spaced.get(name) ?? { name };
  return { id: `fc_${id}`, type: 'function_call', status, call_id: callId, ...called, arguments: input };
}

/** Clients reckon with the input how full the context is: where the upstream reports none, an estimate is better than 0. */
export function writeUsage(usage: AnswerUsage | undefined, { estimatedInputTokens }: ModelCall): JsonObject {
  const { input = estimatedInputTokens, output = 0, cacheRead = 0, reasoning = 0 } = usage ?? {};
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cacheRead },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}
