import type { DeadlinePhase } from '../exchange/deadline.ts';
import type { FailureKind } from './attempt.ts';
import { BadHead } from './head-gate.ts';

/** undici and Node error codes that mean the peer did not speak HTTP/1.1 as RFC 9112 has it. */
const INVALID_RESPONSE = new Set([
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RESPONSE',
]);
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EACCES',
  'ENOENT',
  'EMFILE',
]);
const DNS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA', 'ESERVFAIL']);
const REQUEST_BODY = new Set(['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);
const INTERNAL = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);
const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;

const PHASES: Readonly<Record<DeadlinePhase, FailureKind>> = {
  request_body: 'request_body',
  connect: 'connect_timeout',
  write: 'write_timeout',
  first_byte: 'first_byte_timeout',
  idle: 'total_timeout',
  total: 'total_timeout',
};

/** The failure of an attempt whose wait of this kind was too long. */
export function failureOfPhase(phase: DeadlinePhase): FailureKind {
  return PHASES[phase];
}

/** Sorts an error of the HTTP client. `sent`: whether undici had begun to write the request. */
export function failureKind(error: unknown, sent: boolean): FailureKind {
  if (error instanceof BadHead) return error.kind;
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
  if (name === 'HTTPParserError') return 'invalid_response';
  // undici reports a response it cannot parse at all (an unsolicited upgrade) under its general socket code.
  if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)/.test(String(message))) return 'invalid_response';
  if (typeof code !== 'string') return sent ? 'reset' : 'refused';
  if (INVALID_RESPONSE.has(code) || code.startsWith('HPE_')) return 'invalid_response';
  if (REQUEST_BODY.has(code)) return 'request_body';
  if (INTERNAL.has(code)) return 'internal';
  if (DNS.has(code)) return 'dns';
  if (TLS_CODE.test(code)) return 'tls';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || (code === 'ETIMEDOUT' && !sent)) return 'connect_timeout';
  if (UNREACHABLE.has(code) || !sent) return 'refused';
  return 'reset';
}
