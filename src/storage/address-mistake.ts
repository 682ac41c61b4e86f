const ENCODE = 'Percent-encode it: / as %2F, ? as %3F, # as %23, @ as %40';

/**
 * Explains why an address that looks right cannot be read: its user or password holds a character that ends that part
 * of the address. `rest` is the text after `scheme://`. The explanation never quotes it.
 */
export function unencodedMistake(rest: string): string | undefined {
  if (rest.includes('#')) return `a "#" must be written as %23, also in a password`;
  const [authority = ''] = /^[^/?]*/.exec(rest) ?? [];
  const isCut = !authority.includes('@') && rest.includes('@', authority.length) && !isHostAndPort(authority);
  return isCut ? `the user or password holds a character that ends it. ${ENCODE}` : undefined;
}

function isHostAndPort(text: string): boolean {
  return /^(\[[^\]]*\]|[^:[\]]*)(:\d{1,5})?$/.test(text);
}
