/** What is behind a service: any HTTP service, a chat service in OpenAI's or Anthropic's shape, an embeddings service. */
export const SERVICE_KINDS = ['http', 'llm', 'embeddings'] as const;

export type ServiceKind = (typeof SERVICE_KINDS)[number];

/** A default that depends on the kind of the service. It is written beside the schema of the field it belongs to. */
export type ByKind<T> = { readonly [K in ServiceKind]: T };

/** One value for every kind, made anew for each. */
export function byKind<T>(valueOf: (kind: ServiceKind) => T): ByKind<T> {
  return { http: valueOf('http'), llm: valueOf('llm'), embeddings: valueOf('embeddings') };
}
