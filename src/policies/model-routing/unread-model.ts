import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { parseModelBody } from '../../llm/body/parse-body.ts';
import { isPlainJson } from '../../llm/media-type.ts';
import { findRefused, type ModelRules } from './choose-model.ts';
import { namesOfSubstitutes, namesOfTools } from './further-names.ts';

const NAME_IT = new Rejection('MODEL_NOT_ALLOWED', 'Name the model as "model" in a JSON body.', {
  facts: { param: 'model' },
});

/**
 * Judges a request whose operation the gateway does not know, of a caller who may not use every model. One that does
 * not name its model is refused, because whoever answers it would choose one.
 */
export function judgeUnreadModel({ body, edge, principal }: Exchange, rules: ModelRules): Rejection | undefined {
  if (!isPlainJson(edge.headers.get('content-type') ?? '')) return NAME_IT;
  const parsed = parseModelBody(body.bytes as Buffer);
  if (parsed instanceof Rejection) return NAME_IT;
  const { model } = parsed.body;
  if (typeof model !== 'string') return NAME_IT;
  return findRefused([model, ...namesOfSubstitutes(parsed.body), ...namesOfTools(parsed.body)], principal, rules);
}
