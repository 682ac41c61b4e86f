import { isAscii, isUtf8 } from 'node:buffer';
import { Rejection } from '../../errors/rejection.ts';
import type { ParsedBody } from '../../exchange/model-call.ts';
import { decisiveField } from './decisive-fields.ts';
import { scanFields } from './scan-fields.ts';

const LONGEST_SHOWN = 60;

const PLAIN = /^[a-z0-9_]*$/;

/**
 * Reads the body of a request to a model so that no two readers of the same bytes can see different requests: UTF-8
 * without a byte order mark (RFC 8259 section 8.1), one JSON object, no top-level key twice, none that is a decisive one
 * to readers who do not look at case, bounded depth and number of parts.
 */
export function parseModelBody(bytes: Buffer): ParsedBody | Rejection {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return refuse('The request body begins with a byte order mark: send UTF-8 without one.');
  if (!isUtf8(bytes)) return refuse('The request body is not valid UTF-8.');
  const latin1 = bytes.toString('latin1');
  const spans = scanFields(bytes, latin1);
  if (typeof spans === 'string') return refuse(`The request body is ${spans}.`);
  let body: unknown;
  try {
    body = JSON.parse(isAscii(bytes) ? latin1 : bytes.toString());
  } catch {
    return refuse('The request body is not valid JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return refuse('The request body must be a JSON object.');
  const keys = new Set<string>();
  for (const { key } of spans) {
    const meant = PLAIN.test(key) ? undefined : decisiveField(key);
    if (meant !== undefined) return refuse(`"${key}" must be written "${meant}".`, key);
    if (keys.has(key)) return refuse(`"${shorten(key)}" stands in the request body twice.`, shorten(key));
    keys.add(key);
  }
  return { body: body as Record<string, unknown>, spans };
}

function refuse(detail: string, param?: string): Rejection {
  return new Rejection('VALIDATION_ERROR', detail, param === undefined ? {} : { facts: { param } });
}

function shorten(key: string): string {
  return key.length > LONGEST_SHOWN ? `${key.slice(0, LONGEST_SHOWN)}…` : key;
}
