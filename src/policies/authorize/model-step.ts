import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Principal } from '../../exchange/principal.ts';
import { holds } from '../../lib/wildcard-list.ts';
import type { AccessStep, Verdict } from '../policy.ts';

/** Longer names are cut in answers: they come from the client. */
const LONGEST_SHOWN = 100;

/**
 * Holds a request to the models its caller may use and, where `routeModels` names any, to those of the route. Reads the
 * body only where somebody is narrowed; then a body that does not name its model is refused, because whoever answers it
 * would choose one.
 */
export function createModelStep(routeModels: readonly string[]): AccessStep {
  const judge = ({ body, principal }: Exchange): Verdict => {
    const model = readModel(body.bytes);
    if (model === undefined) return refuse('Name the model as "model" in a JSON body, not compressed.');
    const isAllowed = mayUse(principal?.models, model) && (routeModels.length === 0 || holds(routeModels, model));
    return isAllowed ? undefined : refuse(describe(model, principal));
  };
  return {
    name: 'authorize.model',
    decide: (exchange) => {
      const { body, principal } = exchange;
      const isNarrowed = routeModels.length > 0 || principal?.models !== undefined;
      if (!isNarrowed || body.isEmpty) return undefined;
      body.mustBuffer = true;
      const reading = body.prepare();
      return reading ? reading.then((rejection) => rejection ?? judge(exchange)) : judge(exchange);
    },
  };
}

function mayUse(models: readonly string[] | undefined, model: string): boolean {
  return models === undefined || holds(models, model);
}

function readModel(bytes: Buffer | undefined): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(bytes?.toString() ?? '');
  } catch {
    return undefined;
  }
  const model: unknown = typeof body === 'object' && body !== null && 'model' in body ? body.model : undefined;
  // A name that ends in * would be taken for all that it stands for.
  return typeof model === 'string' && !model.endsWith('*') ? model : undefined;
}

function describe(model: string, principal: Principal | undefined): string {
  const shown = model.length > LONGEST_SHOWN ? `${model.slice(0, LONGEST_SHOWN)}…` : model;
  return `Model '${shown}' not available for your ${principal?.lob === undefined ? 'credential' : 'LoB'}`;
}

function refuse(detail: string): Rejection {
  return new Rejection('MODEL_NOT_ALLOWED', detail, { facts: { param: 'model' } });
}
