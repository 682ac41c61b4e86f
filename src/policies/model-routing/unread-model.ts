import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import { parseAnyModelBody } from '../../llm/body/parse-body.ts';
import type { Turns } from '../../lib/turns.ts';
import { isPlainJson } from '../../llm/media-type.ts';
import type { RequestedOperation } from '../../llm/operation.ts';
import type { OperationKey } from '../../llm/operation-rows.ts';
import { findAllowed, isNarrowed, type ModelRules } from './choose-model.ts';
import { nameInPath, namesInQuery } from './further-names.ts';
import type { CallBody } from './make-call.ts';

const NAME_IT = new Rejection('MODEL_NOT_ALLOWED', 'Name the model as "model" in a JSON body.', {
  facts: { param: 'model' },
});

/** What these keep runs no model by itself. */
const WITHOUT_MODEL: ReadonlySet<OperationKey | undefined> = new Set<OperationKey>([
  'stored',
  'files',
  'uploads',
  'vector_stores',
  'conversations',
  'containers',
  'skills',
]);

/** Judges the models that stand in the address of a request whose body is passed on as it is. */
export function judgeUnreadTarget(
  { edge, principal }: Exchange,
  { path }: RequestedOperation,
  rules: ModelRules,
): Rejection | undefined {
  const inPath = nameInPath(path);
  const names = [...namesInQuery(edge.query).map(({ name }) => name), ...(inPath === undefined ? [] : [inPath])];
  for (const name of names) {
    const found = findAllowed(name, principal, rules);
    if (found instanceof Rejection) return found;
  }
  return undefined;
}

/**
 * The body of a request whose operation the gateway does not know, if it names a model. Of a caller who may not use every
 * model, one that runs a model must name it, because whoever answers it would choose one.
 */
export async function readUnreadBody(
  { body, edge, principal }: Exchange,
  { keys }: RequestedOperation,
  { rules, turns }: { readonly rules: ModelRules; readonly turns: Turns },
): Promise<CallBody | Rejection | undefined> {
  const runsNone = WITHOUT_MODEL.has(keys[edge.method]) || !isNarrowed(principal, rules);
  const unnamed = runsNone ? undefined : NAME_IT;
  if (!isPlainJson(edge.headers.get('content-type') ?? '')) return unnamed;
  const parsed = await parseAnyModelBody(body.bytes as Buffer, turns);
  if (parsed instanceof Rejection) return runsNone ? parsed : NAME_IT;
  const { model } = parsed.body;
  if (model === undefined || model === null) return unnamed;
  return typeof model === 'string' ? { ...parsed, form: undefined } : NAME_IT;
}
