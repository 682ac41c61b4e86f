import type { Answer, AnswerPart } from '../../conversation/answer.ts';
import type { Seal } from '../../conversation/seal.ts';
import { type JsonObject, objectAt, objectsAt, textAt } from '../../json.ts';
import { misunderstood } from '../../refusals.ts';
import { readReason, readStopSequence, readUsage } from './read-message.ts';

/** An answer of the Messages API. */
export function readAnswer(message: JsonObject): Answer {
  if (message['type'] !== 'message') throw misunderstood('the answer is not a message');
  return {
    id: textAt(message, 'id'),
    model: textAt(message, 'model'),
    parts: objectsAt(message, 'content').flatMap(readPart),
    reason: readReason(message) ?? 'stop',
    stopSequence: readStopSequence(message),
    usage: readUsage(objectAt(message, 'usage')),
  };
}

/** Blocks of other types are of tools that run at the provider, which no translated request can ask for. */
function readPart(block: JsonObject): AnswerPart[] {
  switch (block['type']) {
    case 'text':
      return [{ kind: 'text', text: textAt(block, 'text') }];
    case 'tool_use': {
      const input = JSON.stringify(block['input'] ?? {});
      return [{ kind: 'call', id: textAt(block, 'id'), name: textAt(block, 'name'), input }];
    }
    case 'thinking':
      return [{ kind: 'reasoning', text: textAt(block, 'thinking'), seal: signed(textAt(block, 'signature')) }];
    case 'redacted_thinking':
      return [{ kind: 'reasoning', text: '', seal: hidden(textAt(block, 'data')) }];
    default:
      return [];
  }
}

/** What a thought was signed with; without a signature it cannot be sent back. */
export function signed(signature: string): Seal | undefined {
  return signature === '' ? undefined : { origin: 'messages', data: signature };
}

export function hidden(data: string): Seal {
  return { origin: 'messages', data, isHidden: true };
}
