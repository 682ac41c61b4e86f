import { styleText } from 'node:util';
import type { GatewayConfig } from '../config/gateway-config.ts';
import { areDocsOn } from '../config/settings-schema.ts';
import { renderTable } from './table.ts';

interface BannerFacts {
  readonly version: string;
  readonly readyMs: number;
  /** Address of the gateway as a client writes it. */
  readonly url: string;
  readonly apiKey: string;
  readonly masterKey: string;
  readonly config: GatewayConfig;
  readonly file: string;
  readonly database: string;
  readonly counters: string;
}

/** What a development start prints: the address, the keys, and commands to paste. */
export function renderBanner(facts: BannerFacts): string {
  const rows = renderTable([
    ['Address', facts.url],
    ...(areDocsOn(facts.config.settings, true) ? [['API page', `${facts.url}/docs`]] : []),
    ['API key', facts.apiKey],
    ['Master key', facts.masterKey],
    ['Configuration', `${facts.file} (a change takes effect when it is saved)`],
    ['Database', facts.database],
    ['Counters', facts.counters],
  ]);
  const title = `${styleText('bold', `Turnpike ${facts.version}`)} is ready in ${facts.readyMs} ms`;
  const commands = commandsFor(facts).map((command) => `  ${styleText('cyan', command)}`);
  const lines = [title, '', ...rows.map((row) => `  ${row}`), '', 'Try it:', ...commands];
  return `\n${lines.join('\n')}\n\n`;
}

/** One command each for a proxied call, a streamed chat completion and the metrics, as far as the configuration has them. */
function commandsFor({ url, apiKey, config }: Pick<BannerFacts, 'url' | 'apiKey' | 'config'>): string[] {
  const curl = url.startsWith('https:') ? 'curl -k' : 'curl';
  const key = `-H "X-API-Key: ${apiKey}"`;
  const web = config.routes.find(({ implied, kind }) => implied && kind === 'http');
  const chat = config.routes.find(({ implied, kind }) => implied && kind === 'llm');
  const isStandard = chat?.paths.some(({ pattern }) => pattern === '/v1/*');
  const chatPath = isStandard ? '/v1/chat/completions' : `/${chat?.name}/chat/completions`;
  const body = '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}';
  return [
    ...(web ? [`${curl} ${url}/${web.service}/hello ${key}`] : []),
    ...(chat ? [`${curl} -N ${url}${chatPath} ${key} -H "Content-Type: application/json" -d '${body}'`] : []),
    `${curl} ${url}/metrics`,
  ];
}
