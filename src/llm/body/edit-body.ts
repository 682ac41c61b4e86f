import type { FieldSpan, ParsedBody } from '../../exchange/model-call.ts';

/** New values by top-level key; `undefined` takes the field out. */
export type BodyEdits = Readonly<Record<string, unknown>>;

/**
 * The body with some of its top-level fields set or taken out; all other bytes stay as the client sent them. Returns
 * `bytes` itself when they say all that already. `bytes` must be those that were parsed.
 */
export function editBody(bytes: Buffer, parsed: ParsedBody, edits: BodyEdits): Buffer {
  const changed = Object.keys(edits).filter((key) => differs(parsed.body, key, edits[key]));
  return changed.length === 0 ? bytes : new Splice(bytes, parsed).apply(changed, edits);
}

/** Collects what goes on as it is and what stands in its place, from the first byte to the last. */
class Splice {
  private readonly bytes: Buffer;
  private readonly parsed: ParsedBody;
  private readonly parts: Buffer[] = [];
  /** Everything before it has been collected or dropped. */
  private at = 0;
  /** A field was kept, so that the next one needs a comma before it. */
  private hasField = false;

  constructor(bytes: Buffer, parsed: ParsedBody) {
    this.bytes = bytes;
    this.parsed = parsed;
  }

  apply(changed: readonly string[], edits: BodyEdits): Buffer {
    const { spans, body } = this.parsed;
    for (const span of spans) {
      const isChanged = changed.includes(span.key);
      if (isChanged && edits[span.key] === undefined) this.drop(span);
      else if (isChanged) this.replace(span, edits[span.key]);
      this.hasField ||= !isChanged || edits[span.key] !== undefined;
    }
    this.keepUntil(spans.at(-1)?.to ?? this.bytes.lastIndexOf('}'));
    for (const key of changed) if (edits[key] !== undefined && !Object.hasOwn(body, key)) this.append(key, edits[key]);
    this.keepUntil(this.bytes.length);
    return Buffer.concat(this.parts);
  }

  /** With the comma before it, or the one behind it when it is the first. */
  private drop({ from, to }: FieldSpan): void {
    this.keepUntil(this.hasField ? from - 1 : from);
    const isLast = this.parsed.spans.at(-1)?.to === to;
    this.at = this.hasField || isLast ? to : to + 1;
  }

  private replace({ valueFrom, valueTo }: FieldSpan, value: unknown): void {
    this.keepUntil(valueFrom);
    this.parts.push(Buffer.from(JSON.stringify(value)));
    this.at = valueTo;
  }

  private append(key: string, value: unknown): void {
    const comma = this.hasField ? ',' : '';
    this.parts.push(Buffer.from(`${comma}${JSON.stringify(key)}:${JSON.stringify(value)}`));
    this.hasField = true;
  }

  private keepUntil(end: number): void {
    if (end > this.at) this.parts.push(this.bytes.subarray(this.at, end));
    this.at = Math.max(this.at, end);
  }
}

/** Text, numbers and booleans are compared; anything else that is set counts as a change. */
function differs(body: ParsedBody['body'], key: string, value: unknown): boolean {
  if (value === undefined) return Object.hasOwn(body, key);
  return !Object.hasOwn(body, key) || body[key] !== value;
}
