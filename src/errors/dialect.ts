export const DIALECTS = ['problem', 'openai', 'anthropic', 'simple', 'envelope'] as const;

/** The shape of errors and envelopes on a route. */
export type Dialect = (typeof DIALECTS)[number];

/** What a rendered error says about the request it answers. */
export interface ErrorContext {
  readonly requestId: string;
  /** The canonical path, without the query; only the problem dialect prints it. */
  readonly path?: string | undefined;
}
