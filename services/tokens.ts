const token = /\s*(?:[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_])/gu;

/** The text cut into words and punctuation marks, each with the space before it; joined they give it back. */
export function splitTokens(text: string): string[] {
  return text.trimEnd().match(token) ?? [];
}

export function countTokens(text: string): number {
  return splitTokens(text).length;
}
