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

export const SAMPLE_SECRET = 'is a sample secret that everybody knows: only --dev accepts it';

export function isSampleSecret(secret: string): boolean {
  return SAMPLE_SECRETS.has(secret.toLowerCase()) || SAMPLE_PARTS.test(secret);
}
