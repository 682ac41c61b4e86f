/** V8 can distinguish names over 16,383 characters of equal length only by comparing every pair. */
const LONGEST_NAME = 16_383;

/**
 * Whether a JSON text has a name so long that many of them would take minutes to parse. Check foreign input with it
 * before `JSON.parse`. For texts shorter than such a name it costs next to nothing.
 */
export function hasLongName(text: string): boolean {
  if (text.length <= LONGEST_NAME) return false;
  for (let from = text.indexOf('"'); from !== -1; ) {
    const end = endOfString(text, from + 1);
    if (end - from > LONGEST_NAME && isFollowedByColon(text, end + 1)) return true;
    from = text.indexOf('"', end + 1);
  }
  return false;
}

/** Index of the closing quote, or of the end. */
function endOfString(text: string, from: number): number {
  for (let at = from; ; ) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let before = quote;
    while (before > at && text.charCodeAt(before - 1) === 0x5c) before--;
    if ((quote - before) % 2 === 0) return quote;
    at = quote + 1;
  }
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (' \t\r\n'.includes(text.charAt(at)) && at < text.length) at++;
  return text[at] === ':';
}
