const TRUE_WORDS = new Set(['true', '1', 'yes', 'on']);
const FALSE_WORDS = new Set(['false', '0', 'no', 'off']);

/** Whether the value of a variable means yes. */
export function isTrue(value: string): boolean {
  return TRUE_WORDS.has(value.toLowerCase());
}

/** Whether the value of a variable means no. */
export function isFalse(value: string): boolean {
  return FALSE_WORDS.has(value.toLowerCase());
}
