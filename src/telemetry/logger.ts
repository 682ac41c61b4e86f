import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { pino } from 'pino';
import type { DestinationStream, LevelWithSilent, Logger, LoggerOptions } from 'pino';
import { type HttpLogger, pinoHttp } from 'pino-http';
import { escapeControls } from './escape-controls.ts';
import { createIsoTime } from './iso-time.ts';
import { createMask, type Mask, type MaskKind } from './mask.ts';

export type { Logger } from 'pino';

interface LogSettings {
  readonly level: LevelWithSilent;
  /** `auto`: readable text when standard output is a terminal, JSON lines otherwise. */
  readonly pretty: 'auto' | boolean;
  /** Kinds of personal data to mask in messages and error texts. */
  readonly mask: readonly MaskKind[];
  /** Where lines go; standard output unless given. A given stream is written to line by line, unbuffered. */
  readonly destination?: DestinationStream;
}

/** A write to the system costs as much as formatting a dozen lines, so many lines share one. */
const BUFFERED_BYTES = 64 * 1024;
/** The destination refuses to start unless one write may be larger than what it buffers. */
const LARGEST_WRITE = 2 * BUFFERED_BYTES;
const FLUSH_EVERY_MS = 250;
/** A reader that stalls costs at most this much memory; further lines are dropped rather than requests delayed. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;

/**
 * The log of one gateway. Messages and error texts are masked and cannot carry control characters; of an error only
 * type, code, message and stack are written, because the rest (a command's arguments, a row's values) may be secret.
 */
export function createLogger(settings: LogSettings): Logger {
  const isoTime = createIsoTime();
  const mask = createMask(settings.mask);
  const clean = (text: string): string => escapeControls(mask(text));
  const options: LoggerOptions = {
    level: settings.level,
    base: null,
    timestamp: () => `,"time":"${isoTime(Date.now())}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error, mask) },
    hooks: {
      logMethod(args, method) {
        const parts = withMessage(args).map((part) => (typeof part === 'string' ? clean(part) : part));
        method.apply(this, parts as typeof args);
      },
    },
  };
  return pino(options, openDestination(settings));
}

/** Writes what is still buffered before returning. Call it before the process ends: SIGTERM alone would lose it. */
export function flushLogger(log: Logger): void {
  destinationOf(log).flushSync?.();
}

/**
 * Express middleware for the gateway's own endpoints: `req.log` carries the request id, and each request gets one line
 * with method, path (masked, without its query), status and duration. Of headers and bodies nothing is written.
 */
export function createRequestLog(
  log: Logger,
  maskKinds: readonly MaskKind[],
  requestIdOf: (req: IncomingMessage) => string,
  factsOf: (req: IncomingMessage) => RequestFacts,
): HttpLogger {
  const mask = createMask(maskKinds);
  const fieldsOf = (req: IncomingMessage, res: ServerResponse, measured: { duration_ms?: number }): object => ({
    method: req.method,
    path: escapeControls(mask(pathOf(req))),
    service: 'gateway',
    status: res.statusCode,
    duration_ms: measured.duration_ms,
    ...factsOf(req),
    ...agentOf(req, mask),
    ...(res.err ? { err: res.err } : {}),
  });
  return pinoHttp({
    logger: log,
    genReqId: requestIdOf,
    // Left to themselves they dump every header of request and response.
    wrapSerializers: false,
    serializers: { req: () => undefined, res: () => undefined },
    quietReqLogger: true,
    quietResLogger: true,
    customAttributeKeys: { reqId: 'request_id', responseTime: 'duration_ms' },
    customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'warn' : 'info'),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customSuccessObject: fieldsOf,
    customErrorObject: (req, res, _error, measured: { duration_ms?: number }) => fieldsOf(req, res, measured),
  });
}

/** Who asked and how it ended, for a later search for attacks. */
export interface RequestFacts {
  readonly client_ip: string;
  readonly error_code?: string;
  readonly error_reason?: string;
  readonly consumer?: string;
  readonly credential?: string;
  readonly credential_hash?: string;
}

/** A line stays below the pipe's atomic 4 KiB. */
const LONGEST_AGENT = 256;

function agentOf({ headers }: IncomingMessage, mask: Mask): { readonly user_agent?: string } {
  const agent = headers['user-agent'];
  return agent === undefined ? {} : { user_agent: escapeControls(mask(agent.slice(0, LONGEST_AGENT))) };
}

/** Express rewrites `url` inside a mounted router and keeps what came in `originalUrl`. */
function pathOf(req: IncomingMessage): string {
  const target = 'originalUrl' in req ? String(req.originalUrl) : (req.url ?? '');
  const [path = ''] = target.split('?', 1);
  return path;
}

/** A way past pino's formatting for a line that is complete JSON already and ends with a line feed. */
export function lineWriter(log: Logger): (line: string) => void {
  const destination = destinationOf(log);
  return (line) => destination.write(line);
}

type FlushableDestination = DestinationStream & { flushSync?: () => void };

function destinationOf(log: Logger): FlushableDestination {
  return (log as unknown as Record<symbol, FlushableDestination>)[pino.symbols.streamSym] as FlushableDestination;
}

function openDestination(settings: LogSettings): DestinationStream {
  const { destination, pretty } = settings;
  const isPretty = pretty === 'auto' ? destination === undefined && process.stdout.isTTY : pretty;
  if (isPretty) return openPretty(destination ?? process.stdout);
  return destination ?? openBuffered();
}

function openBuffered(): DestinationStream {
  const stream = pino.destination({
    dest: 1,
    sync: false,
    minLength: BUFFERED_BYTES,
    maxWrite: LARGEST_WRITE,
    periodicFlush: FLUSH_EVERY_MS,
    maxLength: MAX_PENDING_BYTES,
  });
  // A full disk or a reader that went away must not end the gateway.
  stream.on('error', () => undefined);
  gatherLines(stream);
  return stream;
}

/**
 * Hands the stream whole batches, because it measures all it holds again on each write: 4 µs a line. Its own methods are
 * replaced, rather than the stream wrapped, so that what it does at process exit and on its timer includes our batch.
 */
function gatherLines(stream: ReturnType<typeof pino.destination>): void {
  const write = stream.write.bind(stream);
  const flush = stream.flush.bind(stream);
  const flushSync = stream.flushSync.bind(stream);
  let batch = '';
  const passOn = (): void => {
    const lines = batch;
    batch = '';
    if (lines !== '') write(lines);
  };
  stream.write = (line) => {
    batch += line;
    if (batch.length >= BUFFERED_BYTES) passOn();
    return true;
  };
  stream.flush = (done) => {
    passOn();
    flush(done);
  };
  stream.flushSync = () => {
    passOn();
    flushSync();
  };
}

/** The printer is loaded only here: it is of no use to a process that logs to a file or a collector. */
function openPretty(target: DestinationStream): DestinationStream {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  // On a terminal without colours, and where NO_COLOR is set, this is false.
  const inColour = process.stdout.isTTY && process.stdout.hasColors();
  const format = prettyFactory({ colorize: inColour, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' });
  return { write: (line) => target.write(format(line)) };
}

/** Left to itself pino takes the message from the error as it is, behind the back of the mask. */
function withMessage(args: readonly unknown[]): readonly unknown[] {
  const [subject] = args;
  if (args.length !== 1 || typeof subject !== 'object' || subject === null) return args;
  const error: unknown = 'err' in subject ? subject.err : subject;
  return error instanceof Error ? [subject, error.message] : args;
}

function describeError(error: unknown, mask: Mask): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, ...rest } = pino.stdSerializers.err(error);
  const code: unknown = rest['code'];
  return {
    type,
    ...(code === undefined ? {} : { code }),
    message: escapeControls(mask(message)),
    stack: mask(stack).split('\n').map(escapeControls).join('\n'),
  };
}
