// Room errors: names every refusal of the gateway and renders it in the dialect of the route.
// In it: the catalogue of codes, rejections, the five dialects.
// Never in it: anything that can fail on its own; every room imports this one.

import { ERROR_CATALOG, type ErrorCode } from './catalog.ts';

/** Facts a dialect may print beside the text. All optional; units: seconds, epoch milliseconds. */
export interface RejectionFacts {
  readonly retryAfterSeconds?: number;
  readonly limit?: number;
  readonly currentCount?: number;
  /** The window in the words of the second source document: `second`, `minute`, `hour`, `day` or `<n>s`. */
  readonly limitType?: string;
  readonly resetAtMs?: number;
  /** The request field at fault, for the openai dialect. */
  readonly param?: string;
}

interface RejectionOptions {
  /** Response headers that survive into the error: `Retry-After`, `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly facts?: RejectionFacts;
  /** For the log only; never shown to a client. */
  readonly internal?: string;
  /** True when the connection cannot be used for another request (unread body, broken framing). */
  readonly closes?: boolean;
}

/**
 * A refusal on its way to the client. Not an Error: refusals are ordinary, frequent outcomes, and capturing a stack
 * for each would make a flood of bad requests expensive.
 */
export class Rejection {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly facts: RejectionFacts | undefined;
  readonly internal: string | undefined;
  readonly closes: boolean;

  /** `detail` is public: it names the fix, and never a secret, an address behind the gateway or a stack. */
  constructor(code: ErrorCode, detail: string, options: RejectionOptions = {}) {
    this.code = code;
    this.detail = detail;
    this.headers = options.headers;
    this.facts = options.facts;
    this.internal = options.internal;
    this.closes = options.closes ?? false;
  }

  get status(): number {
    return ERROR_CATALOG[this.code].status;
  }

  get title(): string {
    return ERROR_CATALOG[this.code].title;
  }
}

/** Carries a rejection through code that throws. */
export class GatewayError extends Error {
  readonly rejection: Rejection;

  constructor(rejection: Rejection, cause?: unknown) {
    super(`${rejection.code}: ${rejection.internal ?? rejection.detail}`, { cause });
    this.name = 'GatewayError';
    this.rejection = rejection;
  }
}
