import { randomUUID } from 'node:crypto';
import type { ModelCall } from '../../exchange/model-call.ts';
import type { AnswerHead } from '../conversation/answer.ts';

/** The model under the name by which the client asked for it: some clients refuse an answer of any other. */
export function answerModel({ body, model }: ModelCall, head: AnswerHead): string {
  const { model: asked } = body;
  return typeof asked === 'string' && asked !== '' ? asked : head.model || model.name;
}

/** The upstream's own id where it has one. */
export function answerId(head: AnswerHead, prefix: string): string {
  return head.id || newId(prefix);
}

export function newId(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '');
}

export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
