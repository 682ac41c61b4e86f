import type { ProviderName } from '../../exchange/model-call.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import type { Provider } from './provider.ts';

const PROVIDERS: Readonly<Record<ProviderName, Provider>> = { openai, anthropic };

export function findProvider(name: ProviderName): Provider {
  return PROVIDERS[name];
}
