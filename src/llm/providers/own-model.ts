import type { ModelCall } from '../../exchange/model-call.ts';
import type { BodyEdits } from '../body/edit-body.ts';

/** The model as the upstream calls it, unless the upstream chooses one, and what else was settled about the body. */
export function ownModel({ model, edits }: ModelCall): BodyEdits {
  return model.upstreamName === '' ? edits : { ...edits, model: model.upstreamName };
}
