import { GatewayError, Rejection } from '../../../errors/rejection.ts';
import {
  type Answer,
  type AnswerPart,
  type AnswerUsage,
  type FinishReason,
  inputText,
  settledReason,
} from '../../conversation/answer.ts';
import { readFailure } from '../../conversation/failure.ts';
import type { Seal } from '../../conversation/seal.ts';
import { countAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../../json.ts';
import { misunderstood } from '../../refusals.ts';

/** A response that has ended. */
export function readAnswer(response: JsonObject): Answer {
  if (!Array.isArray(response['output'])) throw misunderstood('the answer is not a response');
  if (response['status'] === 'failed') {
    const { message } = readFailure(response);
    throw new GatewayError(new Rejection('UPSTREAM_ERROR', message || 'The upstream reported an error.'));
  }
  const parts = objectsAt(response, 'output').flatMap(readItem);
  const hasCall = parts.some(({ kind }) => kind === 'call');
  const hasRefusal = parts.some(({ kind }) => kind === 'refusal');
  return {
    id: textAt(response, 'id'),
    model: textAt(response, 'model'),
    parts,
    reason: settledReason(readReason(response), { hasCall, hasRefusal }),
    stopSequence: undefined,
    usage: readUsage(response['usage']),
  };
}

function readItem(item: JsonObject): AnswerPart[] {
  switch (item['type']) {
    case 'message':
      return objectsAt(item, 'content').flatMap(readPart);
    case 'reasoning':
      return [{ kind: 'reasoning', text: thoughtOf(item), seal: sealOf(item) }];
    case 'function_call': {
      const input = inputText(textAt(item, 'arguments'));
      return [{ kind: 'call', id: textAt(item, 'call_id'), name: textAt(item, 'name'), input }];
    }
    default:
      return [];
  }
}

function readPart(part: JsonObject): AnswerPart[] {
  if (part['type'] === 'output_text') return [{ kind: 'text', text: textAt(part, 'text') }];
  return part['type'] === 'refusal' ? [{ kind: 'refusal', text: textAt(part, 'refusal') }] : [];
}

export function thoughtOf(item: JsonObject): string {
  const texts = [...objectsAt(item, 'summary'), ...objectsAt(item, 'content')].map((piece) => textAt(piece, 'text'));
  return texts.join('\n\n');
}

/** What has to come back with the thought, if the provider does not keep it itself. */
export function sealOf(item: JsonObject): Seal | undefined {
  const data = textAt(item, 'encrypted_content');
  return data === '' ? undefined : { origin: 'responses', data, id: textAt(item, 'id') };
}

export function readReason(response: JsonObject): FinishReason {
  if (response['status'] !== 'incomplete') return 'stop';
  return objectAt(response, 'incomplete_details')['reason'] === 'content_filter' ? 'filter' : 'length';
}

export function readUsage(usage: unknown): AnswerUsage | undefined {
  if (!isObject(usage)) return undefined;
  const input = countAt(usage, 'input_tokens');
  const output = countAt(usage, 'output_tokens');
  if (input === 0 && output === 0) return undefined;
  return {
    input,
    cacheRead: countAt(objectAt(usage, 'input_tokens_details'), 'cached_tokens'),
    cacheWrite: 0,
    output,
    reasoning: countAt(objectAt(usage, 'output_tokens_details'), 'reasoning_tokens'),
  };
}
