import type { Operation } from '../exchange/model-call.ts';

/** What a path behind the base of an llm or embeddings service asks for. */
export interface RequestedOperation {
  readonly operation: Operation;
  /** The one spelling of the path that a provider is sent; for `models` and `other` the path as it came. */
  readonly path: string;
  /** The path itself asks for an event stream. */
  readonly isStreamForced: boolean;
}

const BY_PATH: ReadonlyMap<string, RequestedOperation> = new Map(
  (
    [
      ['/chat/completions', 'chat'],
      ['/completions', 'completions'],
      ['/responses', 'responses'],
      ['/messages', 'messages'],
      ['/messages/count_tokens', 'count_tokens'],
      ['/embeddings', 'embeddings'],
      ['/embed', 'embed'],
      ['/models', 'models'],
    ] as const
  ).map(([path, operation]) => [path, { operation, path, isStreamForced: false }]),
);

const FORCED_STREAM: RequestedOperation = { operation: 'chat', path: '/chat/completions', isStreamForced: true };

/**
 * `path` is canonical and starts behind `/v1`. Every spelling that some upstream might take for an operation is one:
 * what is called like it must not get past the checks of its body.
 */
export function readOperation(path: string): RequestedOperation {
  const known = BY_PATH.get(path);
  if (known) return known;
  const plain = plainSpelling(path);
  if (plain === '/chat/completions/stream') return FORCED_STREAM;
  if (plain.startsWith('/models/')) return { operation: 'models', path, isStreamForced: false };
  return BY_PATH.get(plain) ?? { operation: 'other', path, isStreamForced: false };
}

/**
 * Upstreams differ in what they make of escaped and doubled slashes, of a final one, of parameters behind a `;`, of case
 * and of a second `/v1`.
 */
function plainSpelling(path: string): string {
  const spelled = path
    .replace(/;[^/]*/g, '')
    .replace(/(%2F|\/)+/g, '/')
    .replace(/(?<=.)\/$/, '');
  return spelled.toLowerCase().replace(/^(\/v1)+(?=\/)/, '');
}

/** The name behind `/models/`, escapes resolved; `undefined` for the list, and for what is not a name. */
export function modelInPath(path: string): string | undefined {
  const written = /^\/models\/(.+)$/i.exec(path)?.[1];
  try {
    return written === undefined ? undefined : decodeURIComponent(written);
  } catch {
    return written;
  }
}
