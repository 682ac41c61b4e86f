/** Why a model did not answer, as far as that decides whether another one is asked instead. */
export type FallbackCause = (typeof FALLBACK_CAUSES)[number];

export const FALLBACK_CAUSES = [
  'rate_limit',
  'overloaded',
  'timeout',
  'context_length',
  'content_policy',
  'auth',
] as const;

/** What asking another model can help with, whatever the request. */
export const USUAL_CAUSES: readonly FallbackCause[] = ['rate_limit', 'overloaded', 'timeout'];
