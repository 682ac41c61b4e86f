// Room llm: knows models and the languages of their providers.
// In it: the catalogue of models, reading a request, translating it and its answer, measuring usage.
// Never in it: connections, limits, who calls.

import type { Operation } from '../exchange/model-call.ts';
import { OPERATION_ROWS, type OperationKey } from './operation-rows.ts';

/** By method. */
type KeysByMethod = Readonly<Partial<Record<string, OperationKey>>>;

/** What a path behind the base of an llm or embeddings service asks for. */
export interface RequestedOperation {
  /** What a POST there is, or else a GET; `other` for what is passed on unread. */
  readonly operation: Operation;
  /** The one spelling of the path that a provider is sent; the path as it came where it is not known. */
  readonly path: string;
  /** The path itself asks for an event stream. */
  readonly isStreamForced: boolean;
  /** What each method of this path is called in `operations`; empty for a path that no API is known to have. */
  readonly keys: KeysByMethod;
  /** The model that the path names, as in `/deployments/<model>/chat/completions`. */
  readonly model?: string | undefined;
  /** Pattern of the path: `/files/:id`. */
  readonly pattern: string;
}

const NO_KEYS: KeysByMethod = Object.freeze({});

interface Pattern {
  readonly segments: readonly string[];
  readonly found: Omit<RequestedOperation, 'path'>;
}

const BY_PATH = new Map<string, RequestedOperation>();
const PATTERNS: Pattern[] = [];
compileRows();

function compileRows(): void {
  for (const path of new Set(OPERATION_ROWS.map(([, written]) => written))) {
    const rows = OPERATION_ROWS.filter(([, written]) => written === path);
    const keys = Object.fromEntries(
      rows.flatMap(([methods, , key]) => methods.split(' ').map((method) => [method, key])),
    );
    const operation = rows[0]?.[3] as Operation;
    const found = Object.freeze({ operation, isStreamForced: false, keys: Object.freeze(keys), pattern: path });
    if (path.includes(':')) PATTERNS.push({ segments: path.slice(1).split('/'), found });
    else BY_PATH.set(path, Object.freeze({ ...found, path }));
  }
}

const CHAT = BY_PATH.get('/chat/completions') as RequestedOperation;
const FORCED_STREAM: RequestedOperation = { ...CHAT, keys: { POST: 'chat' }, isStreamForced: true };

/**
 * `path` is canonical and starts behind `/v1`. Every spelling that some upstream might take for an operation is one:
 * what is called like it must not get past the checks of its body.
 */
export function readOperation(path: string): RequestedOperation {
  const known = BY_PATH.get(path);
  if (known) return known;
  const plain = plainSpelling(path);
  const [, model, rest] = MODEL_LAYOUT.exec(plain) ?? [];
  const found = findOperation(rest ?? plain) ?? UNKNOWN;
  if (found.operation === 'models') return { ...found, path };
  const own = found === UNKNOWN ? path : found.path;
  return model === undefined || found === UNKNOWN
    ? { ...found, path: own }
    : { ...found, path: own, model: decode(model) };
}

const UNKNOWN: RequestedOperation = {
  operation: 'other',
  path: '',
  isStreamForced: false,
  keys: NO_KEYS,
  pattern: '',
};

/** Azure and LiteLLM name the model in the path. A name may hold slashes, so the shortest rest that is an operation counts. */
const MODEL_LAYOUT =
  /^\/(?:deployments|engines)\/(.+?)(\/(?:chat\/completions(?:\/stream)?|completions|responses|embeddings|images\/[a-z]+|audio\/[a-z]+|moderations|rerank))$/i;

function findOperation(plain: string): RequestedOperation | undefined {
  const lower = plain.toLowerCase();
  if (lower === '/chat/completions/stream') return FORCED_STREAM;
  if (lower.startsWith('/models/')) return { ...(BY_PATH.get('/models') as RequestedOperation), pattern: '/models/*' };
  const exact = BY_PATH.get(lower);
  if (exact) return exact;
  const segments = plain.slice(1).split('/');
  for (const pattern of PATTERNS) {
    const path = fill(pattern.segments, segments);
    if (path !== undefined) return { ...pattern.found, path };
  }
  return undefined;
}

/** Names of objects that providers give out; what looks like none is no name. */
const OBJECT_NAME = /^[A-Za-z0-9_.:@~-]{1,200}$/;

/** The path in its one spelling, if it is of this pattern. */
function fill(pattern: readonly string[], segments: readonly string[]): string | undefined {
  if (pattern.length !== segments.length) return undefined;
  let path = '';
  for (let i = 0; i < pattern.length; i++) {
    const [written, given] = [pattern[i] as string, segments[i] as string];
    if (written.startsWith(':') ? !OBJECT_NAME.test(given) : written !== given.toLowerCase()) return undefined;
    path += `/${written.startsWith(':') ? given : written}`;
  }
  return path;
}

/**
 * Upstreams differ in what they make of escaped and doubled slashes, of a final one, of parameters behind a `;`, of case
 * and of a second `/v1`. Names keep their case.
 */
export function plainSpelling(path: string): string {
  const spelled = path
    .replace(/;[^/]*/g, '')
    .replace(/(%2F|\/)+/g, '/')
    .replace(/(?<=.)\/$/, '');
  return spelled.replace(/^(?:\/openai)?(?:\/v1)*(?=\/)/i, '');
}

/** The name behind `/models/`, escapes resolved; `undefined` for the list, and for what is not a name. */
export function modelInPath(path: string): string | undefined {
  const written = /^\/models\/(.+)$/i.exec(path)?.[1];
  return written === undefined ? undefined : decode(written);
}

function decode(written: string): string {
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}
