import type { Dialect } from '../errors/dialect.ts';
import type { ByKind } from '../lib/service-kind.ts';
import { POLICIES, type PolicyKey } from '../policies/schemas.ts';

/** The shape of errors where no `dialect` is written; the second is for paths of the Messages API. */
export const DEFAULT_DIALECTS: ByKind<{ readonly dialect: Dialect; readonly messages_dialect: Dialect }> = {
  http: { dialect: 'problem', messages_dialect: 'problem' },
  llm: { dialect: 'openai', messages_dialect: 'anthropic' },
  embeddings: { dialect: 'openai', messages_dialect: 'openai' },
};

/** What a policy reads where nothing is written; `undefined` where it then does nothing. */
export function unwritten(key: PolicyKey, kind: keyof ByKind<unknown>): unknown {
  const policy = POLICIES[key];
  return 'unwritten' in policy ? policy.unwritten[kind] : undefined;
}
