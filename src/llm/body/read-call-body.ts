import { Rejection } from '../../errors/rejection.ts';
import type { Operation, ParsedBody } from '../../exchange/model-call.ts';
import { findFieldFault } from './check-fields.ts';
import { findPromptFault } from './check-prompt.ts';
import { parseModelBody } from './parse-body.ts';

/** Reads the body of one operation and holds it to the types the operation knows; the rest is the upstream's. */
export function readCallBody(operation: Operation, bytes: Buffer): ParsedBody | Rejection {
  const parsed = parseModelBody(bytes);
  if (parsed instanceof Rejection) return parsed;
  return findFieldFault(operation, parsed.body) ?? findPromptFault(operation, parsed.body) ?? parsed;
}
