import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { Model, ModelCall, Operation } from '../../exchange/model-call.ts';
import { readCallBody } from '../../llm/body/read-call-body.ts';
import { ModelCatalogue } from '../../llm/catalogue.ts';
import { boundOutputTokens, estimateInputTokens } from '../../llm/estimate.ts';
import { readOperation, type RequestedOperation } from '../../llm/operation.ts';
import { type ModelRoutingConfig, modelsSchema } from '../../llm/schema.ts';
import type { ServiceTargets } from '../../upstream/targets.ts';
import { type AccessStep, defineAccessPolicy, type Verdict } from '../policy.ts';
import { Type } from '../../lib/schema-builder.ts';
import { answerModels } from './answer-models.ts';
import { chooseModel, findRefused, isNarrowed, type ModelRules } from './choose-model.ts';
import { namesInTarget, namesOfSubstitutes, namesOfTools } from './further-names.ts';
import { judgeUnreadModel } from './unread-model.ts';

const ENCODED = new Rejection(
  'UNSUPPORTED_MEDIA_TYPE',
  'The request body is compressed, which is not read here: send it without Content-Encoding.',
);
const EMPTY = new Rejection('VALIDATION_ERROR', 'The request body is empty: send a JSON object.');

const NEVER_STREAMED: ReadonlySet<Operation> = new Set<Operation>(['embeddings', 'embed', 'count_tokens']);

/**
 * Finds out what a request to an llm or embeddings service asks for, holds its body to what the operation takes and
 * its caller to the models it may use, and settles which models may answer. Where there is a catalogue, the gateway
 * itself answers what models there are.
 */
export const modelRoutingPolicy = defineAccessPolicy({
  name: 'model_routing',
  ownsKeys: ['models'],
  phase: 'access',
  schema: modelsSchema(Type.Unknown()),
  errors: [
    'VALIDATION_ERROR',
    'UNSUPPORTED_MEDIA_TYPE',
    'VALUE_ERROR',
    'MODEL_NOT_FOUND',
    'MODEL_NOT_ALLOWED',
    'BODY_TOO_LARGE',
  ],
  create: (config: ModelRoutingConfig, _deps, { service, upstream }) =>
    upstream ? createModelSteps(config, upstream, service ?? '') : [],
});

export function createModelSteps(
  { models, routeModels }: ModelRoutingConfig,
  { targets }: Pick<ServiceTargets, 'targets'>,
  service: string,
): readonly AccessStep[] {
  const rules: ModelRules = { catalogue: new ModelCatalogue(models), routeModels, targets };
  const router = new ModelRouter(rules);
  const list: AccessStep = { name: 'models.list', decide: (exchange) => answerModels(exchange, rules, service) };
  return [
    { name: 'models', decide: (exchange) => router.decide(exchange) },
    ...(rules.catalogue.isClosed ? [list] : []),
  ];
}

class ModelRouter {
  private readonly rules: ModelRules;

  constructor(rules: ModelRules) {
    this.rules = rules;
  }

  decide(exchange: Exchange): Verdict | Promise<Verdict> {
    const { plan, edge } = exchange;
    if (!plan) return undefined;
    const asked = readOperation(plan.pathFor(exchange));
    const isCall = WITH_BODY.has(edge.method) && asked.operation !== 'other' && asked.operation !== 'models';
    if (isCall) return this.whenRead(exchange, () => this.settle(exchange, asked));
    if (!isNarrowed(exchange.principal, this.rules)) return undefined;
    const refused = findRefused(namesInTarget(exchange, asked.path), exchange.principal, this.rules);
    if (refused || exchange.body.isEmpty) return refused;
    return this.whenRead(exchange, () => judgeUnreadModel(exchange, this.rules));
  }

  private whenRead(exchange: Exchange, judge: () => Verdict): Verdict | Promise<Verdict> {
    const { body, edge } = exchange;
    if (body.isEmpty) return EMPTY;
    if (isEncoded(edge.headers.get('content-encoding'))) return ENCODED;
    body.mustBuffer = true;
    const reading = body.prepare();
    return reading ? reading.then((rejection) => rejection ?? judge()) : judge();
  }

  private settle(exchange: Exchange, { operation, path, isStreamForced }: RequestedOperation): Verdict {
    const parsed = readCallBody(operation, exchange.body.bytes as Buffer);
    if (parsed instanceof Rejection) return parsed;
    const { body } = parsed;
    const candidates = chooseModel(body['model'] as string | undefined, exchange.principal, this.rules);
    if (candidates instanceof Rejection) return candidates;
    const refused = this.judgeFurtherNames(exchange, body, path);
    if (refused) return refused;
    const model = candidates[0] as Model;
    const canStream = !NEVER_STREAMED.has(operation);
    const call: ModelCall = {
      ...parsed,
      operation,
      path,
      isStream: canStream && (isStreamForced || body['stream'] === true),
      wantsStreamUsage: wantsStreamUsage(body['stream_options']),
      candidates,
      estimatedInputTokens: estimateInputTokens(operation, parsed),
      maxOutputTokens: boundOutputTokens(operation, parsed, model),
      model,
      usage: undefined,
      lost: [],
    };
    exchange.model = call;
    return undefined;
  }

  /** What else in the request might be taken for its model. Where every model may be used, it decides nothing. */
  private judgeFurtherNames(exchange: Exchange, body: ModelCall['body'], path: string): Rejection | undefined {
    const { rules } = this;
    const { principal } = exchange;
    const narrowed = isNarrowed(principal, rules);
    if (!narrowed && !rules.catalogue.isClosed) return undefined;
    const names = [
      ...namesInTarget(exchange, path),
      ...namesOfSubstitutes(body),
      ...(narrowed ? namesOfTools(body) : []),
    ];
    return findRefused(names, principal, rules);
  }
}

/** The same for an upstream that takes the method for no other than POST, as some do. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

function isEncoded(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}

function wantsStreamUsage(options: unknown): boolean {
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}
