import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadText, problemsOf } from '../../../tests/support/load-text.ts';

describe('certificates', () => {
  const folder = join(import.meta.dirname, '../../../tests/support/certificates');
  const tls = (cert: string, key: string): string => `settings: { listen: { tls: { cert: ${cert}, key: ${key} } } }`;

  test('load when certificate and key belong together', async () => {
    const yaml = tls(join(folder, 'localhost.pem'), join(folder, 'localhost.key'));
    expect((await loadText(yaml)).config.settings.listen.tls?.cert).toBe(join(folder, 'localhost.pem'));
  });

  test('are refused when they do not, or cannot be read, naming the file', async () => {
    expect((await problemsOf(tls(join(folder, 'localhost.pem'), join(folder, 'renewed.key')))).join()).toMatch(
      /settings\.listen\.tls: the files are not a usable certificate and key/,
    );
    expect((await problemsOf(tls('none.crt', 'none.key'))).join()).toMatch(
      /tls\.cert: none\.crt cannot be read \(ENOENT\)/,
    );
  });
});
