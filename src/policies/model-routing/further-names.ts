import type { Exchange } from '../../exchange/exchange.ts';
import type { ParsedBody } from '../../exchange/model-call.ts';

type Body = ParsedBody['body'];

const IN_QUERY: ReadonlySet<string> = new Set(['model', 'models', 'engine', 'deployment', 'deployment_id']);
/** `/engines/<name>/completions`, `/deployments/<name>/…`, `/models/<name>`, where a name may hold slashes. */
const IN_PATH = /(?:^|\/)(?:(?:engines|deployments)\/([^/]+)|models\/(.+))/i;
/** Of Google's API: `/models/<name>:generateContent`. */
const VERB = /:(?:generate|stream|count|embed|batch|predict)[A-Za-z]*$/;

/**
 * The names of models that stand in the query and in the path. LiteLLM takes one in either over that of the body, Azure
 * and others one in the path.
 */
export function namesInTarget({ edge }: Pick<Exchange, 'edge'>, path: string): string[] {
  const names: string[] = [];
  if (edge.query.length > 1)
    for (const [key, value] of new URLSearchParams(edge.query)) if (IN_QUERY.has(key.toLowerCase())) names.push(value);
  const [, first, rest] = IN_PATH.exec(path.replaceAll('%2F', '/')) ?? [];
  const name = first ?? rest?.replace(VERB, '');
  return name === undefined ? names : [...names, decode(name)];
}

/** Those that may answer instead of the one that is asked for (OpenRouter: `models`, LiteLLM: `fallbacks`). */
export function namesOfSubstitutes(body: Body): string[] {
  return [body['models'], body['fallbacks']].flatMap(namesIn);
}

/** Those that tools are to ask. */
export function namesOfTools({ tools }: Body): string[] {
  return Array.isArray(tools) ? tools.flatMap((tool: unknown) => nameOf(tool)) : [];
}

function namesIn(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).flatMap((item: unknown) =>
    typeof item === 'string' ? [item] : nameOf(item),
  );
}

function nameOf(item: unknown): string[] {
  if (typeof item !== 'object' || item === null) return [];
  const { model } = item as { model?: unknown };
  return typeof model === 'string' ? [model] : [];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
