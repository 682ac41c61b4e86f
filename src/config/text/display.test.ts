import { expect, test } from '@jest/globals';
import { loadText } from '../../../tests/support/load-text.ts';
import { displaySection } from './display.ts';

test('a shown configuration holds no secret, neither as Secret nor in a header', async () => {
  const yaml = `services:
  a:
    targets: [{ url: "http://x", api_key: "\${S}" }]
    headers: { request: { set: { X-Api-Token: "\${S}", X-Region: eu }, add: { Cookie: "\${S}" } } }
routes: [{ name: r, match: { path: /r, headers: { x-secret: "\${S}" } }, service: a }]
`;
  const { config } = await loadText(yaml, { env: { S: 'canary-7f3a' } });
  const shown = JSON.stringify(displaySection(config));
  expect(JSON.stringify(config.routes)).toContain('canary-7f3a');
  expect(shown).not.toContain('canary-7f3a');
  expect(shown).toContain('"X-Region":"eu"');
});
