import type { ExpectedAnswer, ExpectedRequest, WireCase } from '../wire-case.ts';

/** A request with these lines below a `Host` line. */
export function message(startLine: string, lines: readonly string[] = [], body = ''): string {
  return `${[startLine, 'Host: wire.test', ...lines].join('\r\n')}\r\n\r\n${body}`;
}

/** Without the `Host` line. */
export function bare(startLine: string, lines: readonly string[] = [], body = ''): string {
  return `${[startLine, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

type Ending = 'serves' | 'closes';

/** Answered 200, with this upstream. */
export function served(
  name: string,
  source: string,
  client: string,
  request: string | ExpectedRequest,
  then: Ending = 'serves',
): WireCase {
  return { name, source, client, expect: { answers: [200], then, upstream: [request] } };
}

/** Refused without a trace upstream; `then: 'serves'` where the framing is beyond doubt. */
export function refused(
  name: string,
  source: string,
  client: string,
  answer: number | ExpectedAnswer,
  then: Ending = 'closes',
): WireCase {
  return { name, source, client, expect: { answers: [answer], then, upstream: [] } };
}
