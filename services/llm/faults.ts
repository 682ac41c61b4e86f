// The ways in which this service can be asked to misbehave.
import { gzipSync } from 'node:zlib';
import type { Answer, Piece } from './answer.ts';

type Fault = (answer: Answer, parameters: URLSearchParams, request: FaultRequest) => Answer;

/**
 * Every fault by name; a number after `=` is its default. `after` counts pieces: events of a stream, quarters of JSON.
 *
 * - `slow-start?ms=1000` waits before the first byte
 * - `slow?ms=100` waits between the pieces
 * - `stall?after=2&ms=` pauses in the middle, forever without `ms`
 * - `die-midstream?after=2` resets the connection in the middle; `reset` before the first byte
 * - `no-done` closes a stream without its last event, `[DONE]` or `message_stop`
 * - `rate-limit?retry_after=` answers 429, with Retry-After when given
 * - `error?status=500` answers with that status; 401 quotes the key it was called with, as real ones do
 * - `wrong-length?by=10` promises so many bytes more than it sends (fewer when negative)
 * - `malformed-sse?after=2` slips broken lines into a stream
 * - `error-event?after=2` gives a stream up with an event that says so
 * - `long-line?bytes=1048576` slips in one event of that size
 * - `gzip` compresses the answer
 */
const faults: Record<string, Fault> = {
  'slow-start': (answer, parameters) => ({ ...answer, startDelayMs: number(parameters, 'ms', 1000) }),
  slow: (answer, parameters) => ({ ...answer, pieceDelayMs: number(parameters, 'ms', 100) }),
  stall: (answer, parameters) => {
    const ms = parameters.has('ms') ? number(parameters, 'ms', 0) : undefined;
    return splice(answer, number(parameters, 'after', 2), { pause: true, ms });
  },
  'die-midstream': (answer, parameters) => ({
    ...answer,
    pieces: [...answer.pieces.slice(0, number(parameters, 'after', 2)), { reset: true }],
  }),
  reset: (answer) => ({ ...answer, pieces: [{ reset: true }] }),
  'no-done': (answer) => ({ ...answer, pieces: answer.pieces.filter((piece) => !isLastEvent(piece)) }),
  'rate-limit': (_answer, parameters, { refuse }) => {
    const after = parameters.get('retry_after');
    const limited = refuse(429, 'Rate limit reached for requests', 'requests', 'rate_limit_exceeded');
    return after === null ? limited : { ...limited, headers: { ...limited.headers, 'retry-after': after } };
  },
  error: (_answer, parameters, request) => failWith(number(parameters, 'status', 500), request),
  'wrong-length': (answer, parameters) => {
    const bytes = Buffer.concat(answer.pieces.filter(isBytes).map((piece) => Buffer.from(piece)));
    const length = Math.max(0, bytes.length + number(parameters, 'by', 10));
    return {
      ...answer,
      headers: { ...answer.headers, 'content-length': String(length) },
      pieces: [bytes],
      closes: true,
    };
  },
  'malformed-sse': (answer, parameters) =>
    splice(answer, number(parameters, 'after', 2), 'data: {"choices":[{"delta":\n\n:\nno colon\ndata\n\n\n'),
  'error-event': (answer, parameters) => {
    if (!answer.headers['content-type']?.startsWith('text/event-stream')) return answer;
    const event = 'data: {"error":{"message":"The server had an error","type":"server_error","code":"broken"}}\n\n';
    return { ...answer, pieces: [...answer.pieces.slice(0, number(parameters, 'after', 2)), event] };
  },
  'long-line': (answer, parameters) =>
    splice(answer, 1, `data: {"padding":"${'x'.repeat(number(parameters, 'bytes', 1024 * 1024))}"}\n\n`),
  gzip: (answer) => {
    const bytes = gzipSync(Buffer.concat(answer.pieces.filter(isBytes).map((piece) => Buffer.from(piece))));
    const { 'content-length': _length, ...headers } = answer.headers;
    return { ...answer, headers: { ...headers, 'content-encoding': 'gzip' }, pieces: [bytes] };
  },
};

interface FaultRequest {
  header: string | undefined;
  model: string;
  /** The credential the request came with. */
  key: string;
  /** An error in the shape of the API that was asked; the last two only say something in OpenAI's. */
  refuse: (status: number, message: string, type?: string, code?: string) => Answer;
}

/**
 * The answer as changed by the fault that `x-fault: <fault>` or the model name `fault/<fault>` asks for; a header wins.
 * A name we do not have gives 400, so that a typing error in a test does not pass for a healthy answer.
 */
export function applyFault(answer: Answer, request: FaultRequest): Answer {
  const wanted = request.header ?? (request.model.startsWith('fault/') ? request.model.slice(6) : undefined);
  if (wanted === undefined) return answer;
  const [name = '', query = ''] = wanted.split('?');
  const fault = Object.hasOwn(faults, name) ? faults[name] : undefined;
  if (fault === undefined) return request.refuse(400, `There is no fault "${name}": ${Object.keys(faults).join(', ')}`);
  return fault(answer, new URLSearchParams(query), request);
}

function failWith(status: number, { key, refuse }: FaultRequest): Answer {
  if (status === 401) {
    return refuse(401, `Incorrect API key provided: ${key}.`, 'invalid_request_error', 'invalid_api_key');
  }
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return refuse(status, `This answer was asked to have status ${status}.`, type);
}

function splice(answer: Answer, at: number, piece: Piece): Answer {
  const pieces = answer.pieces.toSpliced(at, 0, piece);
  // What was added is not in the length that was announced.
  const isLonger = isBytes(piece) && 'content-length' in answer.headers;
  if (!isLonger) return { ...answer, pieces };
  const length = Number(answer.headers['content-length']) + Buffer.byteLength(piece);
  return { ...answer, pieces, headers: { ...answer.headers, 'content-length': String(length) } };
}

function isLastEvent(piece: Piece): boolean {
  return typeof piece === 'string' && /^(?:data: \[DONE\]|event: message_stop)\n/.test(piece);
}

function isBytes(piece: Piece): piece is string | Buffer {
  return typeof piece === 'string' || Buffer.isBuffer(piece);
}

function number(parameters: URLSearchParams, name: string, fallback: number): number {
  const value = Number(parameters.get(name) ?? fallback);
  return Number.isFinite(value) ? value : fallback;
}
