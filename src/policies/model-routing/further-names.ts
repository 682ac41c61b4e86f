import { Rejection } from '../../errors/rejection.ts';
import type { Model, ParsedBody } from '../../exchange/model-call.ts';
import { type Caller, findAllowed, type ModelRules } from './choose-model.ts';

type Body = ParsedBody['body'];

/** A place in a request where a provider looks for the name of a model, and what stands there. */
interface FurtherName {
  readonly field: string;
  readonly name: string;
}

/** What a request names beside its model. */
export interface FurtherNames {
  /** Fields that name the model once more: not sent on, because only one name may count. */
  readonly dropped: readonly string[];
  /** The query without such names. */
  readonly query: string;
  /** Those that tools are to ask. */
  readonly ofTools: readonly Model[];
  /** The tools with the names that the upstream knows; `undefined` where they name none. */
  readonly tools: readonly unknown[] | undefined;
}

const NAMES: ReadonlySet<string> = new Set([
  'model',
  'models',
  'fallbacks',
  'engine',
  'deployment',
  'deployment_id',
  'model_id',
  'model_name',
]);
/** Of these none may stand in a request: they tell a proxy behind this one what a name means, or whom to ask. */
const REDEFINING = ['user_config', 'model_list', 'litellm_params', 'router_settings', 'api_base', 'base_url'];
/** What some provider merges into the request, or chooses by. They may hold anything but the name of a model. */
const CONTAINERS = ['extra_body', 'provider', 'plugins'];
const DEEPEST = 8;
/** `/engines/<name>/completions`, `/deployments/<name>/…`, `/models/<name>`, where a name may hold slashes. */
const IN_PATH = /(?:^|\/)(?:(?:engines?|deployments?)\/([^/]+)|models\/(.+))/i;
/** Of Google's API: `/models/<name>:generateContent`. */
const VERB = /:(?:generate|stream|count|embed|batch|predict)[A-Za-z]*$/;

/**
 * Judges every other name of a model in a request: one that means the chosen model is dropped, one of a tool must be a
 * model that the caller may use, and anything else is refused with its field. What is asked for is what is paid for.
 */
export function judgeFurtherNames(
  { body, query, model }: { body: Body; query: string; model: Model },
  caller: Caller,
  rules: ModelRules,
): FurtherNames | Rejection {
  const container = findContainer(body);
  if (container !== undefined) return refuse(container);
  const names = [...namesInQuery(query), ...namesInBody(body)];
  for (const { field, name } of names) if (rules.catalogue.find(name)?.name !== model.name) return refuse(field);
  const ofTools = judgeTools(body, caller, rules);
  if (ofTools instanceof Rejection) return ofTools;
  const dropped = Object.keys(body).filter((key) => key !== 'model' && NAMES.has(key));
  return { dropped, query: names.length === 0 ? query : withoutNames(query), ...ofTools };
}

/** The first name of a model that stands in the path of a request that is passed on unread. */
export function nameInPath(path: string): string | undefined {
  const [, first, rest] = IN_PATH.exec(path.replaceAll('%2F', '/')) ?? [];
  const name = first ?? rest?.replace(VERB, '');
  if (name === undefined) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

export function namesInQuery(query: string): FurtherName[] {
  if (query.length < 2) return [];
  return [...new URLSearchParams(query)].flatMap(([key, name]) =>
    NAMES.has(key.toLowerCase().replace(/\[\]$/, '')) ? [{ field: `?${key}`, name }] : [],
  );
}

function withoutNames(query: string): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => namesInQuery(`?${pair}`).length === 0);
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function namesInBody(body: Body): FurtherName[] {
  return Object.keys(body).flatMap((field) =>
    field !== 'model' && NAMES.has(field) ? namesIn(body[field], field) : [],
  );
}

function namesIn(value: unknown, field: string): FurtherName[] {
  if (value === null || value === undefined) return [];
  if (typeof value === 'string') return [{ field, name: value }];
  if (Array.isArray(value)) return value.flatMap((item: unknown) => namesIn(item, field));
  const { model } = value as { model?: unknown };
  // What is no text, and holds none, is not understood: no model has an empty name.
  return [{ field, name: typeof model === 'string' && Object.keys(value).length === 1 ? model : '' }];
}

/** The first field that may not stand in a request, or that holds the name of a model and may not. */
function findContainer(body: Body): string | undefined {
  const redefining = REDEFINING.find((key) => isGiven(body, key));
  if (redefining !== undefined) return redefining;
  for (const key of CONTAINERS) {
    const below = isGiven(body, key) ? findName(body[key], 0) : undefined;
    if (below !== undefined) return `${key}.${below}`;
  }
  return undefined;
}

function isGiven(body: Body, key: string): boolean {
  return Object.hasOwn(body, key) && body[key] !== null;
}

function findName(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > DEEPEST) return '…';
  for (const [key, below] of Object.entries(value)) {
    const folded = key.toLowerCase();
    if (!Array.isArray(value) && (NAMES.has(folded) || REDEFINING.includes(folded) || CONTAINERS.includes(folded)))
      return key;
    const found = findName(below, depth + 1);
    if (found !== undefined) return Array.isArray(value) ? found : `${key}.${found}`;
  }
  return undefined;
}

function judgeTools(
  { tools }: Body,
  caller: Caller,
  rules: ModelRules,
): Pick<FurtherNames, 'ofTools' | 'tools'> | Rejection {
  if (!Array.isArray(tools) || !tools.some(namesModel)) return { ofTools: [], tools: undefined };
  const ofTools: Model[] = [];
  const renamed: unknown[] = [];
  for (const [i, tool] of (tools as readonly unknown[]).entries()) {
    if (!namesModel(tool)) {
      renamed.push(tool);
      continue;
    }
    const found = typeof tool.model === 'string' ? findAllowed(tool.model, caller, rules) : refuse(`tools[${i}].model`);
    if (found instanceof Rejection) return found;
    ofTools.push(found);
    renamed.push({ ...tool, model: found.upstreamName });
  }
  return { ofTools, tools: renamed };
}

function namesModel(tool: unknown): tool is { readonly model: unknown } {
  return typeof tool === 'object' && tool !== null && 'model' in tool && tool.model !== null;
}

function refuse(field: string): Rejection {
  const shown = field.length > 100 ? `${field.slice(0, 100)}…` : field;
  return new Rejection('MODEL_NOT_ALLOWED', `"${shown}" may not name another model: name one, as "model".`, {
    facts: { param: shown },
  });
}
