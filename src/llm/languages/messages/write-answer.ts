import type { ModelCall } from '../../../exchange/model-call.ts';
import type { Answer, AnswerEnd, AnswerPart, AnswerUsage, FinishReason } from '../../conversation/answer.ts';
import { packSeal, type Seal } from '../../conversation/seal.ts';
import { type JsonObject, parseObject } from '../../json.ts';
import { answerId, answerModel } from '../answer-names.ts';

/** An answer of the Messages API. */
export function writeAnswer(answer: Answer, call: ModelCall): JsonObject {
  return {
    id: answerId(answer, 'msg_'),
    type: 'message',
    role: 'assistant',
    model: answerModel(call, answer),
    content: answer.parts.map(writePart),
    ...writeStop(answer),
    usage: writeUsage(answer.usage, call),
  };
}

function writePart(part: AnswerPart): JsonObject {
  switch (part.kind) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: part.text };
    case 'reasoning': {
      const { text, seal } = part;
      if (seal?.isHidden) return { type: 'redacted_thinking', data: sealText(seal) };
      return { type: 'thinking', thinking: text, signature: sealText(seal) };
    }
    case 'call':
      return { type: 'tool_use', id: part.id, name: part.name, input: parseObject(part.input) ?? {} };
  }
}

/** What clients keep and send back unread. */
export function sealText(seal: Seal | undefined): string {
  if (!seal) return '';
  return seal.origin === 'messages' ? seal.data : packSeal(seal);
}

const STOP_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  stop_sequence: 'stop_sequence',
  length: 'max_tokens',
  calls: 'tool_use',
  filter: 'refusal',
};

export function writeStop({ reason, stopSequence }: AnswerEnd): JsonObject {
  return { stop_reason: STOP_REASONS[reason], stop_sequence: stopSequence ?? null };
}

/**
 * Input that was read from a cache is counted beside the rest, not in it. Clients reckon with these figures how full
 * the context is: where the upstream reports none, an estimate is better than 0.
 */
export function writeUsage(usage: AnswerUsage | undefined, { estimatedInputTokens }: ModelCall): JsonObject {
  const { input, cacheRead, cacheWrite, output } = usage ?? {
    input: estimatedInputTokens,
    cacheRead: 0,
    cacheWrite: 0,
    output: 0,
  };
  return {
    input_tokens: Math.max(0, input - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    output_tokens: output,
  };
}
