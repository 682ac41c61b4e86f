import { isAscii, isUtf8 } from 'node:buffer';
import { Rejection } from '../../errors/rejection.ts';
import { decisiveField } from './decisive-fields.ts';
import type { FieldSpan, ParsedBody } from '../../exchange/model-call.ts';
import type { Turns } from '../../lib/turns.ts';
import { isLongBody } from './body-bounds.ts';
import { JsonObjectReader } from './json-object-reader.ts';
import { scanFields } from './scan-fields.ts';

const LONGEST_SHOWN = 60;
/** So much of a long body is read before others get their turn. */
const STEP_BYTES = 64 * 1024;
const NO_OBJECT = 'The request body must be a JSON object.';

const PLAIN = /^[a-z0-9_]*$/;

/**
 * Reads the body of a request to a model so that no two readers of the same bytes can see different requests: UTF-8
 * without a byte order mark (RFC 8259 section 8.1), one JSON object, no top-level key twice, none that is a decisive one
 * to readers who do not look at case, bounded depth, number of parts and length of names.
 */
export function parseModelBody(bytes: Buffer): ParsedBody | Rejection {
  const fault = findEncodingFault(bytes);
  if (fault) return fault;
  const latin1 = bytes.toString('latin1');
  const spans = scanFields(bytes, latin1);
  if (typeof spans === 'string') return refuse(`The request body is ${spans}.`);
  let body: unknown;
  try {
    body = JSON.parse(isAscii(bytes) ? latin1 : bytes.toString());
  } catch {
    return refuse('The request body is not valid JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return refuse(NO_OBJECT);
  return findKeyFault(spans) ?? { body: body as Record<string, unknown>, spans };
}

/** The same for a body of any length: a long one is read in short steps, which leave others their turn. */
export function parseAnyModelBody(
  bytes: Buffer,
  turns: Turns,
): ParsedBody | Rejection | Promise<ParsedBody | Rejection> {
  return isLongBody(bytes) ? parseLongModelBody(bytes, turns) : parseModelBody(bytes);
}

async function parseLongModelBody(bytes: Buffer, turns: Turns): Promise<ParsedBody | Rejection> {
  const fault = findEncodingFault(bytes);
  if (fault) return fault;
  const reader = new JsonObjectReader(bytes);
  await turns.run(() => {
    reader.step(STEP_BYTES);
    return reader.result !== undefined;
  });
  const { result } = reader;
  if (result === undefined || result === 'not an object') return refuse(NO_OBJECT);
  if (typeof result === 'string') return refuse(`The request body is ${result}.`);
  return findKeyFault(result.spans) ?? result;
}

function findEncodingFault(bytes: Buffer): Rejection | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return refuse('The request body begins with a byte order mark: send UTF-8 without one.');
  return isUtf8(bytes) ? undefined : refuse('The request body is not valid UTF-8.');
}

function findKeyFault(spans: readonly FieldSpan[]): Rejection | undefined {
  const keys = new Set<string>();
  for (const { key } of spans) {
    const meant = PLAIN.test(key) ? undefined : decisiveField(key);
    if (meant !== undefined) return refuse(`"${key}" must be written "${meant}".`, key);
    if (keys.has(key)) return refuse(`"${shorten(key)}" stands in the request body twice.`, shorten(key));
    keys.add(key);
  }
  return undefined;
}

function refuse(detail: string, param?: string): Rejection {
  return new Rejection('VALIDATION_ERROR', detail, param === undefined ? {} : { facts: { param } });
}

function shorten(key: string): string {
  return key.length > LONGEST_SHOWN ? `${key.slice(0, LONGEST_SHOWN)}…` : key;
}
