/** RFC 9110 section 5.5: visible characters, spaces and tabs; bytes above ASCII stand for themselves. */
export const HEADER_VALUE = '^[\\t -~\\u0080-\\u00ff]*$';

const PATTERN = new RegExp(HEADER_VALUE);

/** True for text that can stand in a header line as it is. */
export function isHeaderValue(text: string): boolean {
  return PATTERN.test(text);
}
