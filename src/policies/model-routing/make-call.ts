import type { Model, ModelCall, Operation, ParsedBody } from '../../exchange/model-call.ts';
import type { FormBody } from '../../llm/body/read-form.ts';
import { assumeKinds, boundOutputTokens, estimateFileTokens, estimateInputTokens } from '../../llm/estimate.ts';
import type { RequestedOperation } from '../../llm/operation.ts';
import { readServiceTier } from '../../llm/stream/normal-usage.ts';
import type { FurtherNames } from './further-names.ts';

/** A body that was read: JSON, or a form whose text fields stand for it. */
export interface CallBody extends ParsedBody {
  readonly form: FormBody | undefined;
}

interface Settled {
  readonly candidates: readonly [Model, ...Model[]];
  readonly further: FurtherNames;
}

const NEVER_STREAMED: ReadonlySet<Operation> = new Set<Operation>([
  'embeddings',
  'embed',
  'count_tokens',
  'moderations',
  'rerank',
]);

/** The call that a checked request is. */
export function makeCall(
  { operation, path, isStreamForced }: RequestedOperation,
  { body, spans, form }: CallBody,
  { candidates, further }: Settled,
): ModelCall {
  const [model] = candidates;
  const { stream } = body;
  const fileBytes = form?.fileBytes ?? 0;
  const asksForStream = isStreamForced || stream === true || (form !== undefined && stream === 'true');
  return {
    body,
    spans,
    operation,
    path,
    query: further.query,
    form: form?.place,
    edits: editsFor(further),
    ofTools: further.ofTools,
    isStream: !NEVER_STREAMED.has(operation) && asksForStream,
    wantsStreamUsage: wantsStreamUsage(body['stream_options']),
    candidates,
    estimatedInputTokens: estimateInputTokens(operation, { body, spans }) + estimateFileTokens(operation, fileBytes),
    maxOutputTokens: boundOutputTokens(operation, { body, spans }, model),
    assumedKinds: assumeKinds(operation, body, fileBytes),
    serviceTier: readServiceTier(body['service_tier']),
    model,
    usage: undefined,
    lost: [],
  };
}

const NO_EDITS = Object.freeze({});

function editsFor({ dropped, tools }: FurtherNames): ModelCall['edits'] {
  if (dropped.length === 0 && tools === undefined) return NO_EDITS;
  const edits: Record<string, unknown> = {};
  for (const field of dropped) edits[field] = undefined;
  if (tools !== undefined) edits['tools'] = tools;
  return edits;
}

function wantsStreamUsage(options: unknown): boolean {
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}
