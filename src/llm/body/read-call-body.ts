import { Rejection } from '../../errors/rejection.ts';
import type { Operation, ParsedBody } from '../../exchange/model-call.ts';
import type { Turns } from '../../lib/turns.ts';
import { findFieldFault } from './check-fields.ts';
import { findPromptFault } from './check-prompt.ts';
import { parseAnyModelBody, parseModelBody } from './parse-body.ts';

/** Reads the body of one operation and holds it to the types the operation knows; the rest is the upstream's. */
export function readCallBody(operation: Operation, bytes: Buffer): ParsedBody | Rejection {
  return checked(operation, parseModelBody(bytes));
}

/** The same for a body of any length; a long one is read in steps. */
export function readAnyCallBody(
  operation: Operation,
  bytes: Buffer,
  turns: Turns,
): ParsedBody | Rejection | Promise<ParsedBody | Rejection> {
  const parsing = parseAnyModelBody(bytes, turns);
  if (parsing instanceof Promise) return parsing.then((parsed) => checked(operation, parsed));
  return checked(operation, parsing);
}

function checked(operation: Operation, parsed: ParsedBody | Rejection): ParsedBody | Rejection {
  if (parsed instanceof Rejection) return parsed;
  return findFieldFault(operation, parsed.body) ?? findPromptFault(operation, parsed.body) ?? parsed;
}
