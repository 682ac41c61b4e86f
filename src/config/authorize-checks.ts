import type { Path } from './config-error.ts';
import type { RouteConfig } from './gateway-config.ts';
import type { Mistake } from './validate.ts';

/** Routes whose `authorize` cannot be met by anybody, or asks for what is not known there. */
export function findIdleAuthorize(sources: ReadonlyMap<RouteConfig, Path>): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const [{ kind, policies }, source] of sources) {
    const { permissions = [], models = [] } = policies.authorize ?? {};
    const path = [...source, 'authorize'];
    if (policies.auth === false && permissions.length + models.length > 0)
      mistakes.push({ path, message: 'needs auth: nobody is known here' });
    else if (kind === 'http' && models.length > 0)
      mistakes.push({ path: [...path, 'models'], message: 'are known on llm and embeddings services only' });
  }
  return mistakes;
}
