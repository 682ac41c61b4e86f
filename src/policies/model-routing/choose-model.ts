import { Rejection } from '../../errors/rejection.ts';
import type { Model } from '../../exchange/model-call.ts';
import type { Principal } from '../../exchange/principal.ts';
import { type ModelCatalogue, unlistedModel } from '../../llm/catalogue.ts';
import { FASTEST } from '../../llm/schema.ts';
import { pickFastest } from '../../upstream/fastest.ts';
import type { Target } from '../../upstream/targets.ts';

/** What decides about the models of one route. */
export interface ModelRules {
  readonly catalogue: ModelCatalogue;
  /** Those that may be asked for on the route; empty for all. */
  readonly routeModels: readonly string[];
  readonly targets: readonly Target[];
}

export type Caller = Pick<Principal, 'models' | 'lob' | 'claims'> | undefined;

/** Longer names are cut in answers: they come from the client. */
const LONGEST_SHOWN = 100;

const NAME_IT = 'Name the model as "model" in the body.';

/**
 * The models that may answer a request: the one it means, then those fallbacks of it that its caller may use. Who is
 * narrowed to some models is told nothing of whether others exist.
 */
export function chooseModel(
  asked: string | null | undefined,
  caller: Caller,
  rules: ModelRules,
): readonly [Model, ...Model[]] | Rejection {
  const model = typeof asked === 'string' ? findAllowed(asked, caller, rules) : chooseDefault(caller, rules);
  if (model instanceof Rejection) return model;
  const fallbacks = new Set(rules.catalogue.fallbacksOf(model).filter((other) => mayUse(caller, other, rules)));
  fallbacks.delete(model);
  return [model, ...fallbacks];
}

/** The model a client means by a name, if its caller may use it. */
export function findAllowed(asked: string, caller: Caller, rules: ModelRules): Model | Rejection {
  const model = rules.catalogue.find(asked);
  if (!mayUse(caller, model ?? { name: asked }, rules)) return refuseModel(asked, caller);
  return model && isServed(model, rules) ? model : unknownModel(asked);
}

/** The models of the catalogue that a caller may use, in its order. */
export function allowedModels(caller: Caller, rules: ModelRules): Model[] {
  return rules.catalogue.models.filter((model) => mayUse(caller, model, rules));
}

export function isNarrowed(caller: Caller, { routeModels }: ModelRules): boolean {
  return routeModels.length > 0 || caller?.models !== undefined;
}

function mayUse(caller: Caller, { name }: Pick<Model, 'name'>, { catalogue, routeModels }: ModelRules): boolean {
  const holdsIt = (list: readonly string[]): boolean => catalogue.isHeld(list, name);
  return (caller?.models === undefined || holdsIt(caller.models)) && (routeModels.length === 0 || holdsIt(routeModels));
}

/** By the caller's claims, else the default of the service, else the first model the caller may use. */
function chooseDefault(caller: Caller, rules: ModelRules): Model | Rejection {
  const { catalogue, targets } = rules;
  const byClaim = caller && catalogue.defaultsBy(caller).find((model) => mayUse(caller, model, rules));
  if (byClaim) return byClaim;
  const allowed = allowedModels(caller, rules);
  const { defaultName } = catalogue;
  const usual = defaultName === undefined || defaultName === FASTEST ? undefined : catalogue.find(defaultName);
  if (usual && mayUse(caller, usual, rules)) return usual;
  const fastest = defaultName === FASTEST ? pickFastest(targets, allowed) : undefined;
  const chosen = fastest ?? allowed[0];
  if (chosen) return chosen;
  if (catalogue.isClosed) return refuse(`No model is available for your ${narrowedBy(caller)}.`);
  return isNarrowed(caller, rules) ? refuse(NAME_IT) : unlistedModel('');
}

/** A name that no target takes is as unknown as one that the catalogue does not have. */
function isServed({ isListed, name }: Model, { targets }: ModelRules): boolean {
  return isListed || targets.some((target) => target.serves(name));
}

function refuseModel(asked: string, caller: Caller): Rejection {
  return refuse(`Model '${shorten(asked)}' not available for your ${narrowedBy(caller)}`);
}

function unknownModel(asked: string): Rejection {
  const detail = `Model '${shorten(asked)}' does not exist here. GET /v1/models lists those that do.`;
  return new Rejection('MODEL_NOT_FOUND', detail, { facts: { param: 'model' } });
}

function refuse(detail: string): Rejection {
  return new Rejection('MODEL_NOT_ALLOWED', detail, { facts: { param: 'model' } });
}

function narrowedBy(caller: Caller): string {
  return caller?.lob === undefined ? 'credential' : 'LoB';
}

function shorten(name: string): string {
  return name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name;
}
