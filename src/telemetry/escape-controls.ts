const CONTROLS = /[\p{Cc}\u2028\u2029]/gu;

/**
 * Spells every control character out (`\x1b`), so that no text from outside can move a terminal's cursor, colour it, or
 * begin a line of its own. JSON's own escapes are not enough: they come back to life in `jq -r` and on a terminal, and
 * they leave the eight-bit controls (U+009B is an escape sequence of its own) as they are.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, spell);
}

function spell(control: string): string {
  const code = control.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`;
}
