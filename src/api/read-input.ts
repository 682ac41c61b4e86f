import { renderPath } from '../config/config-error.ts';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { asNode, isRecord, normalize } from '../config/text/normalize.ts';
import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { tooLarge } from '../exchange/request-body.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Input } from './endpoint.ts';

const LARGEST_BODY = 64 * 1024;
/** Listing more mistakes than this does not help. */
const MOST_MISTAKES = 10;

/**
 * The JSON object a request carries, in long form with every default filled in. A request without a body is an empty
 * object. Throws UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, or VALIDATION_ERROR naming every field at fault.
 */
export async function readBody(exchange: Exchange, input: Input, config: GatewayConfig): Promise<unknown> {
  return validated(input, await readJson(exchange), config);
}

/** The same for the query. Throws VALIDATION_ERROR on parameters that are unknown, repeated or wrong. */
export function readQuery(exchange: Exchange, input: Input, config: GatewayConfig): unknown {
  const properties = asNode(input.schema).properties ?? {};
  const fields: Record<string, unknown> = {};
  for (const [name, text] of new URLSearchParams(exchange.edge.query)) {
    refuseProto(name, text);
    if (Object.hasOwn(fields, name)) throw invalid([`${name}: is given twice`], name);
    const isNumber = Object.hasOwn(properties, name) && properties[name]?.type === 'integer';
    fields[name] = isNumber && /^\d{1,9}$/.test(text) ? Number(text) : text;
  }
  return validated(input, fields, config);
}

/** Throws a VALIDATION_ERROR for one field. */
export function refuseField(name: string, mistake: string): never {
  throw invalid([`${name}: ${mistake}`], name);
}

async function readJson(exchange: Exchange): Promise<Record<string, unknown>> {
  const { body, edge } = exchange;
  if (body.isEmpty) return {};
  checkType(exchange);
  if ((edge.contentLength ?? 0) > LARGEST_BODY) throw new GatewayError(tooLarge(LARGEST_BODY));
  body.limit = LARGEST_BODY;
  body.mustBuffer = true;
  const rejection = await body.prepare();
  if (rejection) throw new GatewayError(rejection);
  return body.bytes && body.bytes.length > 0 ? parseObject(body.bytes) : {};
}

function checkType({ edge }: Exchange): void {
  const type = edge.headers.get('content-type') ?? '';
  const encoding = edge.headers.get('content-encoding') ?? 'identity';
  const isJson = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type);
  if (isJson && encoding.toLowerCase() === 'identity') return;
  const detail = 'Send the body as application/json in UTF-8, not compressed.';
  throw new GatewayError(new Rejection('UNSUPPORTED_MEDIA_TYPE', detail));
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), refuseProto);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError(new Rejection('VALIDATION_ERROR', 'The body is not valid JSON.'), error);
  }
  if (isRecord(value)) return value;
  throw new GatewayError(new Rejection('VALIDATION_ERROR', 'The body must be a JSON object.'));
}

/** Copied to another object, such a key would set its prototype and pass every check unseen. */
function refuseProto(key: string, value: unknown): unknown {
  return key === '__proto__' ? refuseField(key, 'unknown key') : value;
}

function validated(input: Input, written: Record<string, unknown>, config: GatewayConfig): unknown {
  const found: { readonly path: string; readonly message: string }[] = [];
  const report = (path: readonly (string | number)[], message: string): void => {
    found.push({ path: renderPath(path), message });
  };
  const { value } = normalize(asNode(input.schema), written, {
    folder: '/',
    rateWindow: formatDuration(config.settings.rate_period),
    report,
    warn: () => undefined,
  });
  for (const { path, message } of input.validate(value)) report(path, message);
  const [first] = found;
  if (first)
    throw invalid(
      found.map(({ path, message }) => `${path}: ${message}`),
      first.path,
    );
  for (const name of input.clearable) if (written[name] === null) (value as Record<string, unknown>)[name] = null;
  return value;
}

function invalid(mistakes: readonly string[], param: string): GatewayError {
  const detail = mistakes.slice(0, MOST_MISTAKES).join('; ');
  return new GatewayError(new Rejection('VALIDATION_ERROR', detail, { facts: { param } }));
}
