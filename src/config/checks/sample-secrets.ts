/** Sample secrets of this and similar projects' documents, and what people type when asked for one. */
const SAMPLE_SECRETS = new Set([
  'supersecret',
  'super-secret',
  'your-secret-key',
  'your-master-key',
  'your_secret_key',
  'your_master_key',
  'changeme',
  'change-me',
  'change_me',
  'secret',
  'password',
  'master',
  'masterkey',
  'master-key',
  'admin',
  'test',
  'example',
  '123456',
  '12345678',
]);

/** Parts of longer samples, such as `your-super-secret-key-change-in-production`. */
const SAMPLE_PARTS = /^your[-_ ]|change[-_ ]?(me|this|in[-_ ]production)|replace[-_ ]?me/i;

/** Nothing but the words that samples are made of, such as `my-super-secret-master-key-2024`. */
const SAMPLE_WORDS =
  /^(my|your|the|super|secret|master|admin|api|jwt|key|password|passwd|test|dev|demo|sample|example|token|default|gateway|turnpike|litellm|[-_. ])+\d{0,4}$/i;

/** `sk-1234`, `sk_live_XXXXXXXXX` and placeholders of one letter. */
const PLACEHOLDER = /^((sk|pk|mk)[-_]?)?((live|test|dev)[-_]?)?(x{3,}|\.{3,}|\*{3,}|1234\w{0,6})$/i;

const SEQUENCES = ['0123456789abcdef'.repeat(4), '1234567890'.repeat(6), 'abcdefghijklmnopqrstuvwxyz'.repeat(3)];

export const SAMPLE_SECRET = 'is a sample secret that everybody knows: only --dev accepts it';

export function isSampleSecret(secret: string): boolean {
  const text = secret.toLowerCase();
  if (SAMPLE_SECRETS.has(text) || SAMPLE_PARTS.test(text) || SAMPLE_WORDS.test(text) || PLACEHOLDER.test(text))
    return true;
  return text.length > 7 && SEQUENCES.some((sequence) => sequence.includes(text));
}
