import type { ParsedBody } from '../../exchange/model-call.ts';

/** New values by top-level key; `undefined` takes the field out. */
export type BodyEdits = Readonly<Record<string, unknown>>;

const COMMA = Buffer.from(',');

/**
 * The body with some of its top-level fields set or taken out; all other bytes stay as the client sent them. Returns
 * `bytes` itself when they say all that already. `bytes` must be those that were parsed.
 */
export function editBody(bytes: Buffer, { body, spans }: ParsedBody, edits: BodyEdits): Buffer {
  const changed = Object.keys(edits).filter((key) => differs(body, key, edits[key]));
  if (changed.length === 0) return bytes;
  const first = spans[0]?.from ?? bytes.indexOf('{') + 1;
  const last = spans.at(-1)?.to ?? bytes.lastIndexOf('}');
  const fields: Buffer[] = [];
  for (const span of spans) {
    if (!changed.includes(span.key)) fields.push(bytes.subarray(span.from, span.to));
    else if (edits[span.key] !== undefined)
      fields.push(
        Buffer.concat([
          bytes.subarray(span.from, span.valueFrom),
          Buffer.from(JSON.stringify(edits[span.key])),
          bytes.subarray(span.valueTo, span.to),
        ]),
      );
  }
  for (const key of changed) {
    if (edits[key] === undefined || Object.hasOwn(body, key)) continue;
    fields.push(Buffer.from(`${JSON.stringify(key)}:${JSON.stringify(edits[key])}`));
  }
  const parts = [bytes.subarray(0, first)];
  fields.forEach((field, i) => parts.push(...(i === 0 ? [field] : [COMMA, field])));
  return Buffer.concat([...parts, bytes.subarray(last)]);
}

/** Text, numbers and booleans are compared; anything else that is set counts as a change. */
function differs(body: ParsedBody['body'], key: string, value: unknown): boolean {
  if (value === undefined) return Object.hasOwn(body, key);
  return !Object.hasOwn(body, key) || body[key] !== value;
}
