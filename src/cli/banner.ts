import { styleText } from 'node:util';
import type { GatewayConfig, RouteConfig } from '../config/gateway-config.ts';
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

/** One command for each kind of service, and the metrics, as far as the configuration has them. */
function commandsFor({ url, apiKey, config }: Pick<BannerFacts, 'url' | 'apiKey' | 'config'>): string[] {
  const curl = url.startsWith('https:') ? 'curl -k' : 'curl';
  const key = `-H "X-API-Key: ${apiKey}"`;
  const post = (path: string, body: object): string =>
    `${url}${path} ${key} -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
  const [web, chat, embed] = (['http', 'llm', 'embeddings'] as const).map((kind) =>
    config.routes.find((route) => route.implied && route.kind === kind),
  );
  const messages = [{ role: 'user', content: 'Hello' }];
  const asked = chat && { model: modelOf(config, chat), stream: true, messages };
  return [
    ...(web ? [`${curl} ${url}/${web.service}/hello ${key}`] : []),
    ...(chat && asked ? [`${curl} -N ${post(pathOf(chat, '/chat/completions'), asked)}`] : []),
    ...(embed ? [`${curl} ${post(pathOf(embed, '/embed'), { input_text: 'Hello' })}`] : []),
    `${curl} ${url}/metrics`,
  ];
}

/** The standard path, or the one below the name of the service where another service has those. */
function pathOf({ name, paths }: RouteConfig, operation: string): string {
  const standard = ['/v1/*', `/v1${operation}`];
  return paths.some(({ pattern }) => standard.includes(pattern)) ? `/v1${operation}` : `/${name}${operation}`;
}

/** One that is answered: where there is a catalogue, others are not. */
function modelOf({ services }: GatewayConfig, { service }: RouteConfig): string {
  const models = services[service ?? '']?.models;
  const named = models?.default === 'fastest' ? undefined : models?.default;
  return named ?? Object.keys(models?.entries ?? {})[0] ?? 'gpt-4o-mini';
}
