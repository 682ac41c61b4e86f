import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '../errors/catalog.ts';
import type { Guard } from '../lib/guard.ts';
import { closeInStages } from './close-in-stages.ts';
import { Pipeline } from './pipeline.ts';
import { ReadGate } from './read-gate.ts';

/** What all connections of one listener share. */
export interface ConnectionRules {
  /** Requests of one connection that run at once, as far as their methods are safe. */
  readonly mostAtOnce: number;
  /** False where no WebSocket is carried. */
  readonly takesUpgrades: boolean;
  readonly guard: Guard;
  /** A request whose turn has come. */
  readonly onRequest: (req: IncomingMessage, res: ServerResponse, connection: ClientConnection) => void;
  /** The complete answer to what could not be read as a request. */
  readonly onUnparsed: (code: ErrorCode, reason: string, peer: string) => string;
}

/** After so many a connection ends, so that balancers in front of the gateway can spread its client anew. */
const MOST_REQUESTS = 1_000;
/** While so many wait no more is read: one read, of 64 KiB at most, may bring some beyond it. */
const ENOUGH_WAITING = 16;
/** Waiting requests that one connection may hold, at about 3 KB each: the last of them ends the connection. */
const MOST_WAITING = 256;
/** Most answers are there before; a client that has left costs no more than this. */
const PROBE_AFTER_MS = 250;
const PROBE_EVERY_MS = 8_000;
/** The time a head has; Node measures it. */
export const HEAD_WITHIN_MS = 10_000;
const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * One client's connection: which of its requests run, which wait, and what becomes of the bytes behind them. Answers
 * leave in the order of the requests, and what comes after the last one that is served is never read as a request.
 */
export class ClientConnection {
  private readonly socket: Socket;
  private readonly rules: ConnectionRules;
  private readonly gate: ReadGate;
  private pipeline: Pipeline | undefined;
  /** What follows is neither served nor answered. */
  private isClosing = false;
  private requests = 0;
  private newest: IncomingMessage | undefined;
  /** The request whose offer of another protocol was turned down while its head was read. */
  private declined: IncomingMessage | undefined;
  private isDeclinedHandshake = false;
  private lastWords: string | undefined;
  /** An answer broke off: nothing may follow it. */
  private isOver = false;
  private isUpgraded = false;
  private newestAnswer: ServerResponse | undefined;

  constructor(socket: Socket, rules: ConnectionRules) {
    this.socket = socket;
    this.rules = rules;
    this.gate = new ReadGate(socket);
  }

  /** Takes a request whose head has been read. */
  arrive(req: IncomingMessage, res: ServerResponse): void {
    if (this.isClosing || !this.socket.writable) return this.gate.shut();
    if (this.declined === req && this.isDeclinedHandshake)
      return this.refuse('UPGRADE_REFUSED', 'a handshake behind an unanswered request');
    this.newest = req;
    this.newestAnswer = res;
    if (this.isLast(req, res)) {
      res.shouldKeepAlive = false;
      this.ignoreRest();
    }
    // Node gives the socket to an answer when all those before it have been sent.
    if (res.socket !== null) this.start(req, res);
    else this.wait(req, res);
  }

  /** Whether the offer of another protocol in this head becomes a tunnel; asked before `arrive`. */
  upgrades(req: IncomingMessage): boolean {
    const isHandshake = this.rules.takesUpgrades && wantsWebSocket(req);
    if (isHandshake && !this.isClosing && answerInFront(this.socket) === undefined) {
      // The bytes behind it are the tunnel's.
      this.isClosing = true;
      this.isUpgraded = true;
      return true;
    }
    this.declined = req;
    this.isDeclinedHandshake = isHandshake;
    return false;
  }

  /** The connection ends with this answer: requests behind it are not served. */
  close(res: ServerResponse): void {
    res.shouldKeepAlive = false;
    this.isClosing = true;
    if (this.dropWaiting() || !res.req.readableEnded) this.ignoreRest();
  }

  /**
   * What came next cannot be served. The requests before it are answered first; then this is said, and the connection
   * ends.
   */
  refuse(code: ErrorCode, reason: string): void {
    if (this.isOver) return;
    const broken = this.newest && isIncomplete(this.newest) ? this.newest : undefined;
    if (this.lastWords !== undefined || (this.isClosing && !broken)) return;
    this.isClosing = true;
    const mayAnswer = broken ? this.abandon(broken) : 'in order';
    if (mayAnswer === 'no more') return;
    this.lastWords = this.rules.onUnparsed(code, reason, this.socket.remoteAddress ?? '');
    if (mayAnswer === 'at once' || this.line().isIdle) this.sayLastWords();
  }

  /** A head has not come whole in time; while nothing is read that is no fault of the client, who then gets it anew. */
  refuseLateHead(): void {
    const refuse = (): void => this.refuse('REQUEST_TIMEOUT', 'ERR_HTTP_REQUEST_TIMEOUT');
    if (!this.gate.isHeld) return refuse();
    this.gate.onRelease = () => {
      const { requests } = this;
      setTimeout(() => requests === this.requests && !this.socket.destroyed && refuse(), HEAD_WITHIN_MS).unref();
    };
  }

  /** More may come behind the last answer of this connection: it is read away, so that the answer arrives. */
  ignoreRest(): void {
    this.isClosing = true;
    this.gate.shut();
    // Node calls this after the last answer, and would close the socket on whatever has not been read.
    this.socket.destroySoon = () => closeInStages(this.socket);
  }

  /**
   * The client has ended its side. It may be gone, or be waiting for its answers (RFC 9112 section 9.6): once an answer
   * has begun it is taken to be gone, as nothing more will show it; before, it gets what it asked for.
   */
  endRequests(): void {
    const inFront = answerInFront(this.socket);
    if (this.isUpgraded || !inFront || !this.newestAnswer) return;
    this.isClosing = true;
    if (inFront.headersSent && inFront === this.newestAnswer) return void this.socket.end();
    // Node has marked it as the last, and forgets that when the head is written.
    if (!this.newestAnswer.headersSent && this.lastWords === undefined) this.newestAnswer.shouldKeepAlive = false;
    this.probe(PROBE_AFTER_MS);
  }

  /** The connection is gone. */
  end(): void {
    this.isClosing = true;
    this.pipeline?.abort();
  }

  private start(req: IncomingMessage, res: ServerResponse): void {
    if (!this.socket.writable) return;
    const { onRequest, guard } = this.rules;
    try {
      onRequest(req, res, this);
    } catch (error) {
      guard.escaped(error, 'request', this.socket);
    }
  }

  private wait(req: IncomingMessage, res: ServerResponse): void {
    const line = this.line();
    line.push(req, res);
    if (line.waitingCount >= ENOUGH_WAITING) this.gate.hold();
  }

  /** What waits will never begin, and nothing is in the way of what comes. True when there was something. */
  private dropWaiting(): boolean {
    const hadSome = this.pipeline?.dropWaiting() === true;
    this.gate.release();
    return hadSome;
  }

  /** The requests that are not alone on the connection, the one being answered among them. */
  private line(): Pipeline {
    this.pipeline ??= new Pipeline(this.rules.mostAtOnce, {
      onTurn: (req, res) => this.takeTurn(req, res),
      onBroken: (res) => this.endAt(res),
      onIdle: () => this.sayLastWords(),
    });
    const inFront = answerInFront(this.socket);
    if (inFront) this.pipeline.follow(inFront);
    return this.pipeline;
  }

  /**
   * An answer broke off, maybe before its turn: Node would then send what there is of it, and wait for the rest for ever.
   */
  private endAt(res: ServerResponse): void {
    const { socket } = this;
    this.isClosing = true;
    this.dropWaiting();
    // Nothing of it has been sent: what was to be said in its place can still be said.
    if (!res.headersSent && this.lastWords !== undefined) return;
    this.isOver = true;
    const end = (): void => socket.destroySoon();
    if (res.socket !== null) end();
    else res.once('socket', () => process.nextTick(end));
  }

  private takeTurn(req: IncomingMessage, res: ServerResponse): void {
    if (this.pipeline && this.pipeline.waitingCount < ENOUGH_WAITING) this.gate.release();
    this.start(req, res);
  }

  private isLast(req: IncomingMessage, res: ServerResponse): boolean {
    if (++this.requests >= MOST_REQUESTS) return true;
    if (this.pipeline && this.pipeline.waitingCount + 1 >= MOST_WAITING) return true;
    if (this.declined === req) return isFollowed(req);
    // In HTTP/1.0 Node lets `keep-alive` win over `close`; RFC 9112 section 9.3 has it the other way round.
    return (
      req.httpVersionMinor === 0 &&
      res.shouldKeepAlive &&
      /(?:^|,)\s*close\s*(?:,|$)/i.test(req.headers.connection ?? '')
    );
  }

  /**
   * A peer that has closed answers any byte with a reset, which the write after it finds; one that only waits skips
   * interim answers (RFC 9110 section 15.2). HTTP/1.0 knows none.
   */
  private probe(afterMs: number): void {
    const ask = this.rules.guard.listener(
      'probe',
      () => this.socket,
      () => {
        const inFront = answerInFront(this.socket);
        if (!inFront || inFront.headersSent || inFront.destroyed || inFront.req.httpVersionMinor === 0) return;
        inFront.writeContinue();
        this.probe(Math.min(2 * afterMs, PROBE_EVERY_MS));
      },
    );
    setTimeout(ask, afterMs).unref();
  }

  /** Ends the request whose own body broke, and says whether it can still be answered. */
  private abandon(req: IncomingMessage): 'at once' | 'in order' | 'no more' {
    if (this.pipeline?.takeBack(req)) return 'in order';
    const inFront = answerInFront(this.socket);
    if (inFront?.req === req) {
      if (!inFront.headersSent) return 'at once';
      this.socket.destroy();
      return 'no more';
    }
    const running = this.pipeline?.answerTo(req);
    if (running) running.destroy();
    else closeInStages(this.socket);
    return running ? 'in order' : 'no more';
  }

  private sayLastWords(): void {
    const { lastWords, socket } = this;
    if (lastWords === undefined || this.isOver || !socket.writable) return;
    socket.write(lastWords);
    closeInStages(socket);
  }
}

/**
 * RFC 9110 7.8 lets a server ignore an upgrade it does not want. Only a WebSocket is one we can carry, and only when the
 * offer is a handshake of RFC 6455 section 4.1: a body, which would be read as the tunnel's first bytes, makes it a
 * request like any other.
 */
function wantsWebSocket({ method, httpVersion, headers }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || headers.upgrade?.toLowerCase() !== 'websocket') return false;
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

/** The answer that is being sent; `_httpMessage` is where Node keeps it. */
function answerInFront(socket: Socket): ServerResponse | undefined {
  return (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** Node marks a request that cannot have a body as read, and never as complete. */
function isIncomplete(req: IncomingMessage): boolean {
  return !req.complete && !req.readableEnded;
}

/**
 * Behind a request whose upgrade is ignored Node drops what came in the same read, and goes on with the next one as if
 * nothing were missing. False only when that read ends with this head, so that nothing is lost.
 */
function isFollowed({ headers, socket }: IncomingMessage): boolean {
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return true;
  const { parser } = socket as { parser?: { getCurrentBuffer(): Buffer | undefined } };
  const read = parser?.getCurrentBuffer();
  // The end of the head was cut: what follows it is all but line ends.
  if (read?.[0] === 0x0d || read?.[0] === 0x0a) return read.some((byte) => byte !== 0x0d && byte !== 0x0a);
  const end = read?.indexOf(HEAD_END) ?? -1;
  return read === undefined || end === -1 || end + HEAD_END.length < read.length;
}
