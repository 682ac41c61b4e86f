import type { EdgeRequest } from '../../edge/edge-request.ts';
import { Rejection } from '../../errors/rejection.ts';
import type { Exchange } from '../../exchange/exchange.ts';
import type { ParsedBody } from '../../exchange/model-call.ts';
import { readAnyCallBody } from '../../llm/body/read-call-body.ts';
import { readForm } from '../../llm/body/read-form.ts';
import { ModelCatalogue } from '../../llm/catalogue.ts';
import { isFormType, isPlainJson } from '../../llm/media-type.ts';
import { readOperation, type RequestedOperation } from '../../llm/operation.ts';
import { OperationList } from '../../llm/operation-list.ts';
import { type ModelRoutingConfig, modelsSchema } from '../../llm/schema.ts';
import { Type } from '../../lib/schema-builder.ts';
import type { Turns } from '../../lib/turns.ts';
import type { ServiceTargets } from '../../upstream/targets.ts';
import { type AccessStep, defineAccessPolicy, type Verdict } from '../policy.ts';
import { answerCount } from './answer-count.ts';
import { answerModels } from './answer-models.ts';
import { type CallBody, makeCall } from './make-call.ts';
import { chooseModel, isNarrowed, type ModelRules } from './choose-model.ts';
import { judgeFurtherNames } from './further-names.ts';
import { judgeUnreadTarget, readUnreadBody } from './unread-model.ts';

const ENCODED = new Rejection(
  'UNSUPPORTED_MEDIA_TYPE',
  'The request body is compressed, which is not read here: send it without Content-Encoding.',
);
const EMPTY = new Rejection('VALIDATION_ERROR', 'The request body is empty: send a JSON object.');
/** No operation of a provider is a WebSocket here: whoever offers one learns that, and not which operation is missing. */
const NO_TUNNEL = new Rejection('UPGRADE_REFUSED', 'This route does not carry WebSockets.');
const NOT_READ = new Rejection('UNSUPPORTED_MEDIA_TYPE', 'Send application/json or multipart/form-data.');

/**
 * Lets through what the service lets through, finds out what a request to an llm or embeddings service asks for, holds
 * its body to what the operation takes and its caller to the models it may use, and settles which models may answer.
 * Where there is a catalogue, the gateway itself answers what models there are.
 */
export const modelRoutingPolicy = defineAccessPolicy({
  name: 'model_routing',
  ownsKeys: ['models', 'operations', 'unmetered'],
  phase: 'access',
  schema: modelsSchema(Type.Unknown()),
  errors: [
    'VALIDATION_ERROR',
    'UNSUPPORTED_MEDIA_TYPE',
    'VALUE_ERROR',
    'FORBIDDEN',
    'METHOD_NOT_ALLOWED',
    'UPGRADE_REFUSED',
    'MODEL_NOT_FOUND',
    'MODEL_NOT_ALLOWED',
    'BODY_TOO_LARGE',
  ],
  create: (config: ModelRoutingConfig, { turns }, { service, upstream }) =>
    upstream ? createModelSteps(config, upstream, { service: service ?? '', turns }) : [],
});

export function createModelSteps(
  config: ModelRoutingConfig,
  { targets }: Pick<ServiceTargets, 'targets'>,
  { service, turns }: { readonly service: string; readonly turns: Turns },
): readonly AccessStep[] {
  const { models, routeModels } = config;
  const rules: ModelRules = { catalogue: new ModelCatalogue(models), routeModels, targets };
  const router = new ModelRouter(rules, config, { service, turns });
  const { isClosed } = rules.catalogue;
  const answer = (exchange: Exchange): Verdict =>
    exchange.model
      ? answerCount(exchange.model, targets)
      : isClosed
        ? answerModels(exchange, rules, service)
        : undefined;
  return [
    { name: 'models', decide: (exchange) => router.decide(exchange) },
    { name: 'models.list', decide: answer },
  ];
}

function isHandshake({ method, upgrade, contentLength, chunked }: EdgeRequest): boolean {
  return upgrade === 'websocket' && method === 'GET' && contentLength === undefined && !chunked;
}

class ModelRouter {
  private readonly rules: ModelRules;
  private readonly operations: OperationList;
  private readonly refusesUnmetered: boolean;
  private readonly turns: Turns;

  constructor(
    rules: ModelRules,
    { operations, unmetered }: ModelRoutingConfig,
    { service, turns }: { readonly service: string; readonly turns: Turns },
  ) {
    this.rules = rules;
    this.turns = turns;
    this.operations = new OperationList(operations, service);
    this.refusesUnmetered = unmetered !== 'allow';
  }

  decide(exchange: Exchange): Verdict | Promise<Verdict> {
    const { plan, edge } = exchange;
    if (!plan) return undefined;
    if (isHandshake(edge)) return NO_TUNNEL;
    const asked = readOperation(plan.pathFor(exchange));
    const refusal = this.operations.judge(edge.method, asked);
    if (refusal) return refusal;
    if (edge.method === 'POST' && asked.operation !== 'other')
      return this.whenRead(exchange, () => this.settle(exchange, asked));
    return this.decideUnread(exchange, asked);
  }

  /** What is passed on as it is. Where not every model may be used, a model that it names is judged all the same. */
  private decideUnread(exchange: Exchange, asked: RequestedOperation): Verdict | Promise<Verdict> {
    const { edge, principal, body } = exchange;
    const key = asked.keys[edge.method === 'HEAD' ? 'GET' : edge.method];
    const isFree = key === 'models' || key === 'count_tokens';
    exchange.passedOn = asked.path;
    if (!isFree && this.refusesUnmetered) exchange.unmetered = key ?? asked.path;
    const { rules } = this;
    if (!isNarrowed(principal, rules) && !rules.catalogue.isClosed) return undefined;
    const refused = judgeUnreadTarget(exchange, asked, rules);
    if (refused || body.isEmpty) return refused;
    if (!mustRead(exchange, rules)) return undefined;
    return this.whenRead(exchange, async () => {
      const read = await readUnreadBody(exchange, asked, { rules, turns: this.turns });
      return read === undefined || read instanceof Rejection ? read : this.conclude(exchange, asked, read);
    });
  }

  private whenRead(exchange: Exchange, judge: () => Verdict | Promise<Verdict>): Verdict | Promise<Verdict> {
    const { body, edge } = exchange;
    if (body.isEmpty) return EMPTY;
    if (isEncoded(edge.headers.get('content-encoding'))) return ENCODED;
    body.mustBuffer = true;
    const reading = body.prepare();
    return reading ? reading.then((rejection) => rejection ?? judge()) : judge();
  }

  private settle(exchange: Exchange, asked: RequestedOperation): Verdict | Promise<Verdict> {
    const { operation } = asked;
    const type = exchange.edge.headers.get('content-type') ?? '';
    const bytes = exchange.body.bytes as Buffer;
    if (!TAKES_FORMS.has(operation)) return this.settleJson(exchange, asked, bytes);
    if (isFormType(type)) {
      const form = readForm(type, bytes);
      if (form instanceof Rejection) return form;
      return this.conclude(exchange, asked, { body: form.fields, spans: [], form });
    }
    if (type !== '' && !isPlainJson(type)) return NOT_READ;
    return this.settleJson(exchange, asked, bytes);
  }

  private settleJson(exchange: Exchange, asked: RequestedOperation, bytes: Buffer): Verdict | Promise<Verdict> {
    const settle = (parsed: ParsedBody | Rejection): Verdict =>
      parsed instanceof Rejection ? parsed : this.conclude(exchange, asked, { ...parsed, form: undefined });
    const reading = readAnyCallBody(asked.operation, bytes, this.turns);
    return reading instanceof Promise ? reading.then(settle) : settle(reading);
  }

  /** The body has been read: which model is meant, whether the caller may use it, and what else the request names. */
  private conclude(exchange: Exchange, asked: RequestedOperation, read: CallBody): Verdict {
    const { principal, edge } = exchange;
    const { body } = read;
    if (asked.operation === 'responses' && body['background'] === true && !this.operations.has('background'))
      return this.operations.refuse('background', 'background: true', 'of /responses');
    const named = (body['model'] ?? undefined) as string | undefined;
    const candidates = chooseModel(named ?? asked.model, principal, this.rules);
    if (candidates instanceof Rejection) return candidates;
    const [model] = candidates;
    if (asked.model !== undefined && this.rules.catalogue.find(asked.model)?.name !== model.name) return OTHER_IN_PATH;
    const further = judgeFurtherNames({ body, query: edge.query, model }, principal, this.rules);
    if (further instanceof Rejection) return further;
    exchange.model = makeCall(asked, read, { candidates, further });
    return undefined;
  }
}

const OTHER_IN_PATH = new Rejection('MODEL_NOT_ALLOWED', 'The path names another model than "model".', {
  facts: { param: 'model' },
});

const TAKES_FORMS: ReadonlySet<string> = new Set(['images', 'audio']);

/** A body of which nobody may take a model without its being judged. */
function mustRead({ principal, edge }: Exchange, rules: ModelRules): boolean {
  return isNarrowed(principal, rules) || isPlainJson(edge.headers.get('content-type') ?? '');
}

function isEncoded(encoding: string | undefined): boolean {
  return encoding !== undefined && encoding.trim().toLowerCase() !== 'identity';
}
