import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { Rejection } from '../errors/rejection.ts';
import { PieceList } from '../lib/piece-list.ts';
import type { BufferPlane, BufferPlanes } from './buffer-planes.ts';
import type { Deadline, Waiter } from './deadline.ts';
import { Holding } from './holding.ts';
import { watchReading } from '../edge/close-in-stages.ts';
import { PassingBody, type PassingBodyOwner } from './passing-body.ts';
import { type BodyPace, DEFAULT_PACE, PaceMeter } from './body-pace.ts';
import type { EdgeRequest } from '../edge/edge-request.ts';

/** What one attempt sends. */
export type BodyPayload = null | Buffer | Readable;

/** How the body is framed. */
type Framing = Pick<EdgeRequest, 'contentLength' | 'chunked' | 'expectContinue'>;

interface Bounds {
  readonly planes: BufferPlanes;
  readonly deadline: Deadline;
}

/** Whose share of the memory for bodies a body takes. */
interface BodyPayer {
  readonly payer: string;
}

/** Bodies up to this many declared bytes are gathered before the first attempt, so that a retry can repeat them. */
const REPLAY_BYTES = 256 * 1024;
/** A body of more bytes is not read before its caller has paid for the request. */
const SHORT_BYTES = 64 * 1024;
/** For the rest of a body that nobody needs. */
const READING_AWAY = { silenceMs: 10_000, totalMs: 30_000 };

/**
 * The client's body: read at most once, bounded in size, time and memory, and never before the access policies agreed.
 * Small bodies are gathered and can be sent again; larger and chunked ones pass through with backpressure.
 */
export class RequestBody implements PassingBodyOwner, Waiter {
  /** Bytes the route accepts; set by the body_limit policy. */
  limit = Number.POSITIVE_INFINITY;
  /** Set when a policy or the kind of service needs the whole body in memory, whatever its size. */
  mustBuffer = false;
  /** Why the body cannot be used, once that is known. */
  rejection: Rejection | undefined;
  bytesRead = 0;
  /** How fast the client must be; set by the timeout policy. */
  pace: BodyPace = DEFAULT_PACE;
  /** Which memory the body may take; chosen before it is gathered. */
  plane: BufferPlane = 'traffic';
  /** Set by the exchange, which learns who calls before a body is gathered. */
  owner: BodyPayer | undefined;

  private readonly req: IncomingMessage;
  private readonly res: ServerResponse;
  private readonly framing: Framing;
  private readonly planes: BufferPlanes;
  private readonly deadline: Deadline;
  private buffered: Buffer | undefined;
  private holding: Holding | undefined;
  private meter: PaceMeter | undefined;
  private isStarted = false;
  private isComplete: boolean;
  private stream: Readable | undefined;
  private isUnwanted = false;

  constructor(req: IncomingMessage, res: ServerResponse, framing: Framing, bounds: Bounds) {
    this.req = req;
    this.res = res;
    this.framing = framing;
    this.planes = bounds.planes;
    this.deadline = bounds.deadline;
    this.isComplete = this.isEmpty;
  }

  /** The request carries no body bytes. */
  get isEmpty(): boolean {
    return !this.framing.chunked && (this.framing.contentLength ?? 0) === 0;
  }

  /** The gateway reads it whole, and it is long or of unknown length: what it costs is charged before that. */
  get isReadLong(): boolean {
    return this.mustBuffer && (this.framing.chunked || (this.framing.contentLength ?? 0) > SHORT_BYTES);
  }

  /** Every byte the client announced has been read. */
  get isFullyRead(): boolean {
    return this.isComplete;
  }

  /** The same bytes can be sent once more. */
  get canReplay(): boolean {
    return this.isEmpty || this.buffered !== undefined || this.bytesRead === 0;
  }

  /** The gathered bytes, for a policy that asked for them with `mustBuffer`; `undefined` before `prepare`. */
  get bytes(): Buffer | undefined {
    return this.buffered;
  }

  /** The length to announce upstream; `undefined` means chunked. Zero for a body that is empty but was announced. */
  get sendLength(): number | undefined {
    if (this.buffered) return this.buffered.length;
    return this.framing.chunked ? undefined : this.framing.contentLength;
  }

  /**
   * Gathers what must be gathered; resolves to the rejection when the body is too large, too slow, broken off or does
   * not fit the payer's share of the memory for bodies. Returns at once when there is nothing to gather.
   */
  prepare(): undefined | Promise<Rejection | undefined> {
    if (this.isEmpty || this.buffered) return undefined;
    const declared = this.framing.contentLength;
    const small = declared !== undefined && declared <= REPLAY_BYTES;
    return small || this.mustBuffer ? this.gather() : undefined;
  }

  /** What the next attempt sends. A stream can be asked for again only while `canReplay`. */
  payload(): BodyPayload {
    if (this.isEmpty) return null;
    if (this.buffered) return this.buffered;
    this.stream = new PassingBody(this.req, this);
    return this.stream;
  }

  /** The client has not sent its body in time. */
  onExpire(): boolean {
    if (this.isComplete || this.rejection) return false;
    this.fail(new Rejection('REQUEST_TIMEOUT', 'The request body arrived too slowly.', { closes: true }));
    return true;
  }

  /** The answer is out: what is still coming of the body is read and forgotten, within a deadline. */
  readAway(): void {
    const { req } = this;
    if (req.complete || this.isComplete || req.destroyed) return;
    this.isUnwanted = true;
    req.resume();
    watchReading(req.socket, () => req.complete, READING_AWAY);
  }

  /** Gives buffered memory back. Safe to call twice. */
  release(): void {
    this.holding?.release();
    this.buffered = undefined;
  }

  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.deadline.body = this;
    if (this.pace.bytesPerSecond > 0) this.meter = new PaceMeter(this.pace);
    // RFC 9110 10.1.1: 100 is sent only now, after every policy that could refuse has agreed.
    if (this.framing.expectContinue && !this.res.headersSent) this.res.writeContinue();
    this.awaitMore();
  }

  pause(): void {
    if (!this.isUnwanted && !this.req.readableEnded) this.req.pause();
  }

  finish(): void {
    this.isComplete = true;
    this.deadline.bodyArrived();
  }

  suspend(): void {
    this.deadline.suspendBody();
  }

  resume(): void {
    this.meter?.excuse(this.deadline.resumeBody());
  }

  breakOff(): void {
    this.fail(new Rejection('VALIDATION_ERROR', 'The request body broke off.', { closes: true }));
  }

  /** Counts bytes; false when they exceed the limit. */
  countBytes(bytes: number): boolean {
    this.bytesRead += bytes;
    if (this.bytesRead > this.limit) {
      this.fail(tooLarge(this.limit));
      return false;
    }
    if (this.meter && !this.meter.count(bytes, performance.now())) return !this.onExpire();
    this.awaitMore();
    return true;
  }

  private awaitMore(): void {
    if (this.pace.idle > 0) this.deadline.awaitBody(this.pace.idle);
  }

  private fail(rejection: Rejection): void {
    this.rejection ??= rejection;
    this.deadline.bodyArrived();
    this.settleGathering?.();
    this.stream?.destroy(new Error(rejection.code));
  }

  private settleGathering: (() => void) | undefined;

  private gather(): Promise<Rejection | undefined> {
    const { req } = this;
    const pieces = new PieceList();
    return new Promise((resolve) => {
      const settle = (): void => {
        this.settleGathering = undefined;
        req.off('data', onData).off('end', onEnd).off('close', onClose);
        if (this.rejection) req.pause();
        resolve(this.rejection);
      };
      const onData = (chunk: Buffer): void => {
        if (this.countBytes(chunk.length) && this.hold(chunk.length)) pieces.add(chunk);
      };
      const onEnd = (): void => {
        this.finish();
        this.holding?.complete();
        this.buffered = pieces.take();
        settle();
      };
      const onClose = (): void => this.breakOff();
      this.settleGathering = settle;
      req.on('data', onData).on('end', onEnd).on('close', onClose);
      this.start();
    });
  }

  private hold(bytes: number): boolean {
    this.holding ??= new Holding(this.planes[this.plane].accountOf(this.owner?.payer ?? ''), () =>
      this.fail(GIVES_WAY),
    );
    if (this.holding.add(bytes)) return true;
    this.fail(NO_ROOM);
    return false;
  }
}

const RETRY_SHORTLY = { closes: true, headers: { 'Retry-After': '1' } };
const NO_ROOM = new Rejection(
  'OVERLOADED',
  'Too many request bodies are held for you, or for all callers, right now. Retry shortly.',
  RETRY_SHORTLY,
);
const GIVES_WAY = new Rejection(
  'OVERLOADED',
  'The memory of this unfinished request body was needed for callers who hold less. Retry shortly.',
  RETRY_SHORTLY,
);

/** The refusal of a body that is, or is announced to be, over the limit. */
export function tooLarge(limit: number): Rejection {
  return new Rejection('BODY_TOO_LARGE', `The request body may have at most ${limit} bytes.`, { closes: true });
}
