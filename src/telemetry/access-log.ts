import type { Exchange } from '../exchange/exchange.ts';
import type { AttemptRecord } from '../exchange/attempt-record.ts';
import { totalOf } from '../exchange/cost-of.ts';
import type { Principal } from '../exchange/principal.ts';
import { escapeControls } from './escape-controls.ts';
import { createIsoTime } from './iso-time.ts';
import { type Logger, lineWriter } from './logger.ts';
import { createMask, type MaskKind } from './mask.ts';

/** What the observer measured of an exchange. Milliseconds. */
interface Measured {
  /** The status the client received; 499 if it left before an answer. */
  readonly status: number;
  readonly durationMs: number;
  /** Sum over the attempts, each from dispatch to response headers or failure. */
  readonly upstreamMs: number;
  /** `undefined` when the client left while an upstream was working: whose time it was is unknown. */
  readonly overheadMs: number | undefined;
}

/** Writes the line of one finished exchange. */
export type AccessLog = (exchange: Exchange, measured: Measured) => void;

/** A path is cut after this many characters, a user agent and a reason too: a line stays below the pipe's atomic 4 KiB. */
const MAX_TEXT = 256;

/** Of a dollar. */
const NANO = 1e9;

/** pino's number for the level `info`. */
const INFO = 30;

/**
 * One JSON line per exchange, past the logger's own formatting, which costs twice as much. What it may say is fixed
 * here: no header but the user agent, no query (it may hold secrets), no body, of a credential only its public prefix
 * and eight digits of its hash.
 */
export function createAccessLog(log: Logger, maskKinds: readonly MaskKind[]): AccessLog {
  const write = lineWriter(log);
  const isoTime = createIsoTime();
  const mask = createMask(maskKinds);
  const quoteForeign = (text: string): string => quote(mask(cap(text)));
  return (exchange, measured) => {
    const isFailure = measured.status >= 500 || exchange.outcome === 'truncated';
    if (log.levelVal > (isFailure ? INFO + 10 : INFO)) return;
    const level = isFailure ? 'warn' : 'info';
    write(
      `{"level":"${level}","time":"${isoTime(Date.now())}","msg":"request","request_id":${quote(exchange.id)}` +
        `,"method":"${exchange.edge.method}","path":${quoteForeign(exchange.edge.path)}${describeRoute(exchange)}` +
        `${describeEnd(exchange, measured, quoteForeign)}${describeAttempts(exchange.attempts, quoteForeign)}${describeModel(exchange, quoteForeign)}` +
        `,"client_ip":"${exchange.clientIp}"${describePrincipal(exchange.principal)}` +
        `,"bytes_in":${exchange.bytesIn},"bytes_out":${exchange.bytesOut}${describeAgent(exchange, quoteForeign)}}\n`,
    );
  };
}

function describeRoute({ route }: Exchange): string {
  return route === undefined ? '' : `,"route":${quote(route.name)},"service":${quote(route.service)}`;
}

function describeEnd(exchange: Exchange, measured: Measured, quoteForeign: (text: string) => string): string {
  const { outcome, rejection } = exchange;
  const { status, durationMs, upstreamMs, overheadMs } = measured;
  const end = `,"status":${status},"outcome":"${outcome}","duration_ms":${toMicrosecond(durationMs)}`;
  const upstream = exchange.attempts.length === 0 ? '' : `,"upstream_ms":${toMicrosecond(upstreamMs)}`;
  const overhead = overheadMs === undefined ? '' : `,"overhead_ms":${toMicrosecond(overheadMs)}`;
  const error = rejection === undefined ? '' : `,"error_code":"${rejection.code}"`;
  const reason = rejection?.internal === undefined ? '' : `,"error_reason":${quoteForeign(rejection.internal)}`;
  return end + upstream + overhead + error + reason;
}

function describeAttempts(attempts: readonly AttemptRecord[], quoteForeign: (text: string) => string): string {
  const last = attempts.at(-1);
  if (last === undefined) return ',"attempts":0,"retries":0';
  const counts = `,"target":${quote(last.target)},"attempts":${attempts.length},"retries":${attempts.length - 1}`;
  return attempts.length === 1 && last.failure === undefined
    ? counts
    : `${counts},"tries":${listAttempts(attempts, quoteForeign)}`;
}

/** Spelled out only where something went wrong on the way. The name of a model may come from the client. */
function listAttempts(attempts: readonly AttemptRecord[], quoteForeign: (text: string) => string): string {
  const tries = attempts.map(({ target, model, durationMs, status, failure }) => {
    const asked = model === undefined ? '' : `,"model":${quoteForeign(model)}`;
    const answered = status === undefined ? '' : `,"status":${status}`;
    const failed = failure === undefined ? '' : `,"failure":${quote(failure)}`;
    return `{"target":${quote(target)}${asked}${answered}${failed},"duration_ms":${toMicrosecond(durationMs)}}`;
  });
  return `[${tries.join(',')}]`;
}

/** Logs the model and its use, and never the text of a prompt or an answer. */
function describeModel(exchange: Exchange, quoteForeign: (text: string) => string): string {
  const { model: call, firstEventAt } = exchange;
  if (call === undefined) return '';
  const { usage, lost } = call;
  const first =
    firstEventAt === undefined ? '' : `,"first_token_ms":${toMicrosecond(firstEventAt - exchange.startedAt)}`;
  const name = `,"model":${quoteForeign(call.model.name)}${first}`;
  if (usage === undefined && lost.length === 0) return name;
  const { inputTokens = 0, outputTokens = 0, isEstimated = true } = usage ?? {};
  const tokens = `,"tokens_in":${inputTokens},"tokens_out":${outputTokens},"tokens_estimated":${isEstimated}`;
  return `${name}${tokens},"cost_usd":${totalOf(call).costNanoUsd / NANO}`;
}

function describePrincipal(principal: Principal | undefined): string {
  if (principal === undefined) return '';
  const { consumer, credential } = principal;
  return `,"consumer":${quote(consumer.id)},"credential":${quote(credential.prefix)},"credential_hash":"${credential.hashPrefix}"`;
}

function describeAgent({ edge }: Exchange, quoteForeign: (text: string) => string): string {
  const agent = edge.headers.get('user-agent');
  return agent === undefined ? '' : `,"user_agent":${quoteForeign(agent)}`;
}

function cap(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

const NEEDS_ESCAPING = /[^ !#-[\]-~]/;

function quote(text: string): string {
  return NEEDS_ESCAPING.test(text) ? JSON.stringify(escapeControls(text)) : `"${text}"`;
}

function toMicrosecond(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
