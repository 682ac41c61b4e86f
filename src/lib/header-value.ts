/** RFC 9110 section 5.5: visible characters, spaces and tabs; bytes above ASCII are kept as they are. */
export const HEADER_VALUE = '^[\\t -~\\u0080-\\u00ff]*$';

const PATTERN = new RegExp(HEADER_VALUE);

/** True if the text can be sent in a header line unchanged. */
export function isHeaderValue(text: string): boolean {
  return PATTERN.test(text);
}
