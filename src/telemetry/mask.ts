/** The kinds of personal data that text on its way to the log is searched for. */
export const MASK_KINDS = ['email', 'phone', 'ssn', 'account_number'] as const;

export type MaskKind = (typeof MASK_KINDS)[number];

export type Mask = (text: string) => string;

// Log lines carry canonical paths, in which blanks, brackets and plus signs stay percent-encoded.
const BLANK = '(?:[ -]|%20)';
const GAP = '(?:[ .()-]|%2[089])';
const MAIL_EXCLUDED = '\\s\\p{Cc}@/?&=,;:<>()[\\]"\'`';
const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';

const UUID = '(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}';
const ADDRESS = `(?<![\\d.])${OCTET}(?:\\.${OCTET}){3}(?!\\.?\\d)`;

/** Look like numbers of a person and are not: matched first, and kept, unless an e-mail address begins with them. */
const KEPT = `(?:${UUID}|${ADDRESS})(?![^${MAIL_EXCLUDED}]{0,64}(?:@|%40))`;

/**
 * Linear in the length of the text: a candidate begins only where a run of its characters begins, and every repetition
 * is either bounded or cannot be matched in two ways.
 */
const PATTERNS: Readonly<Record<MaskKind, string>> = {
  email: `(?<![^${MAIL_EXCLUDED}])[^${MAIL_EXCLUDED}]+?(?:@|%40)[^${MAIL_EXCLUDED}%]+`,
  ssn: `(?<!\\d)\\d{3}${BLANK}?\\d{2}${BLANK}?\\d{4}(?!${BLANK}?\\d)`,
  phone: [
    `(?:\\+|%2B)\\d(?:${GAP}{0,2}\\d){6,14}`,
    `(?<!\\d)(?:\\(|%28)?\\d{2,5}(?:\\)|%29)?${GAP}{0,2}\\d{3,4}${GAP}?\\d{2}${GAP}?\\d{2}(?!\\d|${BLANK}\\d{3})`,
  ].join('|'),
  account_number: [
    '(?<![0-9A-Za-z])[A-Z]{2}\\d{2}(?:(?: |%20)?[0-9A-Z]{4}){2,7}(?:(?: |%20)?[0-9A-Z]{1,3})?(?![0-9A-Za-z])',
    `(?<!\\d)\\d{3,}(?:${BLANK}\\d{3,})*`,
  ].join('|'),
};

// The more specific shape wins, so that a number is named for what it is.
const ORDER: readonly MaskKind[] = ['email', 'ssn', 'phone', 'account_number'];

/** Fewer digits than this are an order number, a port, a year. */
const MIN_ACCOUNT_DIGITS = 8;

/**
 * Builds a function that replaces e-mail addresses, telephone, social-security and account numbers (cards and IBANs
 * included) by `[email]`, `[phone]`, `[ssn]`, `[account_number]`. It errs towards hiding: any run of eight digits goes.
 * Its time is linear in the length of the text, whatever the text.
 */
export function createMask(kinds: readonly MaskKind[]): Mask {
  const wanted = ORDER.filter((kind) => kinds.includes(kind));
  if (wanted.length === 0) return (text) => text;
  const groups = wanted.map((kind) => `(?<${kind}>${PATTERNS[kind]})`);
  const pattern = new RegExp(`${KEPT}|${groups.join('|')}`, 'gu');
  return (text) => (mayMatch(text) ? text.replace(pattern, replaceMatch) : text);
}

/** The fewest digits of any number that is looked for: a telephone number behind a plus sign. */
const MIN_DIGITS = 7;
const PERCENT = 0x25;
const AT_SIGN = 0x40;
const ZERO = 0x30;
const NINE = 0x39;
/** By character code: characters allowed between the digits of one number. */
const IS_INSIDE_NUMBER: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  ' .()-%'.includes(String.fromCharCode(code)),
);

/** Finds in a tenth of the patterns' time that nothing can match, as in nearly every path and user agent. */
function mayMatch(text: string): boolean {
  let digits = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= ZERO && code <= NINE) digits += 1;
    else if (code === AT_SIGN || (code === PERCENT && text.startsWith('40', i + 1))) return true;
    else if (IS_INSIDE_NUMBER[code] !== true) digits = 0;
    if (digits === MIN_DIGITS) return true;
  }
  return false;
}

function replaceMatch(match: string, ...rest: unknown[]): string {
  const groups = rest.at(-1) as Partial<Record<MaskKind, string>>;
  const kind = ORDER.find((name) => groups[name] !== undefined);
  if (kind === undefined || (kind === 'account_number' && !isAccountNumber(match))) return match;
  return `[${kind}]`;
}

function isAccountNumber(match: string): boolean {
  return /^[A-Z]/.test(match) || match.replaceAll('%20', '').replace(/\D/g, '').length >= MIN_ACCOUNT_DIGITS;
}
