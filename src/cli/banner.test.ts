import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadConfig } from '../config/load.ts';
import { renderBanner } from './banner.ts';

async function commandsOf(example: string, env: Record<string, string> = {}): Promise<string> {
  const file = join(import.meta.dirname, '../../examples', example);
  const { config } = await loadConfig({ file, dev: true, env });
  const facts = { version: '1', readyMs: 1, url: 'http://localhost:8000', hasDocs: false, file, config };
  const banner = renderBanner({ ...facts, apiKey: 'sk', masterKey: 'mk', database: '', counters: '' });
  return banner.slice(banner.indexOf('Try it:'));
}

test('the chat to try names a model that the configuration serves', async () => {
  expect(await commandsOf('enterprise-ai.yaml')).toContain('"model":"gpt-4",');
  const secret = 'nobody-knows-this-one-0123456789abcdef';
  expect(await commandsOf('chat-gateway.yaml', { SECRET_KEY: secret })).toContain('"model":"gpt-3.5-turbo",');
});

test('embeddings are to be tried where they are served, and chats where not', async () => {
  const commands = await commandsOf('embeddings.yaml');
  expect(commands).toContain(`/v1/embed -H "X-API-Key: sk" -H "Content-Type: application/json" -d '{"input_text":`);
  expect(commands).not.toContain('chat');
});
