/** What the client does next. A string is written as latin1, in one packet unless the run splits it. */
export type ClientStep =
  | string
  /** Waits until so many answers have come in all. */
  | { readonly awaitAnswers: number }
  /** Waits until so many requests have reached the upstream in all. */
  | { readonly awaitUpstream: number }
  /** Ends the client's side: in order, or with a reset. */
  | { readonly end: 'fin' | 'reset' };

/** What the upstream does when a request has reached it whole. */
export type UpstreamStep =
  | string
  | {
      /** Written as latin1, one packet for each entry. */
      readonly write: string | readonly string[];
      /** What it does with its connection then; it keeps it unless this says otherwise. */
      readonly end?: 'fin' | 'reset';
      /** Acts as soon as the head has come. */
      readonly isEarly?: boolean;
      /** Acts only when the client's steps are over. */
      readonly isHeld?: boolean;
    };

export interface ExpectedAnswer {
  /** One of these. */
  readonly status: number | readonly number[];
  /** Of the request, where it is HEAD: its answer has no body. */
  readonly method?: 'HEAD';
  readonly body?: string;
  /** Present with exactly this value, or absent. Names in any case. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Code of the gateway's own answer. */
  readonly code?: string;
  /** Statuses of the interim answers before it. */
  readonly interim?: readonly number[];
  /** False when the connection must end before the body does. */
  readonly isComplete?: boolean;
}

export interface ExpectedRequest {
  /** Method and target. */
  readonly line: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
}

export interface Expectation {
  /** In order; a number is a status. */
  readonly answers: readonly (number | ExpectedAnswer)[];
  /**
   * What becomes of the connection: it serves a further request, the gateway ends it in order, or with a reset. `left`:
   * nothing is asked about it.
   */
  readonly then: 'serves' | 'closes' | 'resets' | 'left';
  /**
   * What reached the upstream, in order; a string is method and target. Nothing else may have. `nothing whole`: at most
   * the beginning of one request, whose body then breaks off.
   */
  readonly upstream: readonly (string | ExpectedRequest)[] | 'nothing whole';
  /** Fields of the access log, one entry for each exchange, in the order in which they ended. */
  readonly log?: readonly Readonly<Record<string, string | number>>[];
  /** Growth of series of the metrics page, by name with labels. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** State of the service's circuit breaker afterwards. */
  readonly breaker?: Readonly<Record<string, 'closed' | 'half open' | 'open'>>;
}

/** A sequence of bytes on one connection, and everything that must come of it. */
export interface WireCase {
  readonly name: string;
  /** The rule or public suite it was derived from. */
  readonly source: string;
  readonly client: string | readonly ClientStep[];
  readonly upstream?: UpstreamStep | readonly UpstreamStep[];
  readonly expect: Expectation;
}

/** How the client's writes are cut: not at all, after each byte, or once at this offset. */
export type Split = 'whole' | 'bytes' | number;
