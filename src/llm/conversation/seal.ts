import { parseObject, textAt, type JsonObject } from '../json.ts';

/**
 * What a provider wants back with a thought of its model, unread: a signature, encrypted reasoning, or the name of the
 * field in which it reported the thought.
 */
export interface Seal {
  /** The language of the provider that made it. Nobody else can use it. */
  readonly origin: 'chat' | 'messages' | 'responses';
  readonly data: string;
  /** The provider hides the thought itself: `data` is all there is. */
  readonly isHidden?: boolean;
  /** Of the tool call that it belongs to (Gemini signs calls), or of the reasoning item (Responses). */
  readonly id?: string;
}

const PREFIX = 'turnpike.1.';

/** A seal of one language as text that fits the opaque field of another. */
export function packSeal(seal: Seal): string {
  return PREFIX + Buffer.from(JSON.stringify(seal)).toString('base64url');
}

/** The seal that `packSeal` made this text of; `undefined` for any other text. */
export function unpackSeal(text: string): Seal | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const seal = parseObject(Buffer.from(text.slice(PREFIX.length), 'base64url').toString());
  const origin = ORIGINS.find((known) => known === seal?.['origin']);
  return seal && origin ? { origin, data: textAt(seal, 'data'), ...idOf(seal), ...hidden(seal) } : undefined;
}

const ORIGINS = ['chat', 'messages', 'responses'] as const;

function idOf(seal: JsonObject): Pick<Seal, 'id'> {
  const id = textAt(seal, 'id');
  return id === '' ? {} : { id };
}

function hidden(seal: JsonObject): Pick<Seal, 'isHidden'> {
  return seal['isHidden'] === true ? { isHidden: true } : {};
}
