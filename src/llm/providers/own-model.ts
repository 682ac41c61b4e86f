import type { ModelCall } from '../../exchange/model-call.ts';
import type { BodyEdits } from '../body/edit-body.ts';

/** The model as the upstream calls it; nothing where whoever answers chooses the model. */
export function ownModel({ model }: ModelCall): BodyEdits {
  return model.upstreamName === '' ? {} : { model: model.upstreamName };
}
