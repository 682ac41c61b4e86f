import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { totalOf } from '../exchange/cost-of.ts';
import type { ModelCall } from '../exchange/model-call.ts';
import { sendWhole } from '../exchange/respond.ts';
import { SecretMask } from '../exchange/secret-mask.ts';
import { formatNanoUsd } from '../lib/nano-usd.ts';
import { relayAnswer } from '../llm/relay-answer.ts';
import { type Answer, UpstreamFailure } from '../upstream/attempt.ts';
import type { AnswerHead } from '../upstream/response-headers.ts';
import type { CompiledRoute } from './compiled-route.ts';

/** The longest answer that is held in memory to be translated or put into another shape. */
const MOST_RESHAPED_BYTES = 8 * 1024 * 1024;

const CLIENT_KEY_REFUSED = new Rejection(
  'INVALID_CREDENTIAL',
  'The upstream did not accept the key in the header openai-api-key.',
);

/** Gathers the body where it must be gathered, calls the service, and hands its answer to the client. */
export async function callUpstream(exchange: Exchange, route: CompiledRoute): Promise<void> {
  const gathering = exchange.body.prepare();
  const refusal = gathering && (await gathering);
  if (refusal) throw new GatewayError(refusal);
  const answer = await route.send(exchange);
  if (refusesOurKey(route, answer)) {
    answer.discard();
    throw new GatewayError(keyRefused(exchange, answer));
  }
  const mask = maskFor(route, answer);
  if (mask) exchange.filterBody(mask);
  const { model: call } = exchange;
  return call ? relay(exchange, route, { answer, call }) : deliver(exchange, route, answer, answer);
}

/** Passes on a model's answer, translated if necessary. */
function relay(
  exchange: Exchange,
  route: CompiledRoute,
  { answer, call }: { answer: Answer; call: ModelCall },
): void | Promise<void> {
  const { headers, reshape } = relayAnswer(exchange, call, answer);
  const { status, target } = answer;
  if (!reshape) return deliver(exchange, route, answer, { status, target, headers });
  return answer.collect(MOST_RESHAPED_BYTES).then((received) => {
    const reshaped = reshape(maskFor(route, answer)?.hide(received) ?? received);
    const lines = route.responseHeaders(exchange, { status: reshaped.status, target, headers });
    lines.push('Content-Length', String(reshaped.body.length));
    if (call.model.price && call.usage) lines.push('X-Gateway-Cost', formatNanoUsd(BigInt(totalOf(call).costNanoUsd)));
    sendWhole(exchange, reshaped.status, lines, reshaped.body);
  });
}

function deliver(exchange: Exchange, route: CompiledRoute, answer: Answer, head: AnswerHead): void {
  const headers = route.responseHeaders(exchange, head);
  route.decorate(headers, exchange);
  exchange.runHeadHooks(headers, answer.status);
  // A body the upstream did not wait for is still on its way: this connection cannot carry another request.
  if (!exchange.body.isFullyRead) exchange.closeConnection();
  if (!answer.deliver(headers)) throw new UpstreamFailure('reset', true);
  if (exchange.isStream && !exchange.res.writableEnded) countStream(exchange, route);
}

/**
 * A third party that answers 401 or 403 refuses the gateway's key, not the caller's: passed on it would make a client
 * throw a good key away, and its text may quote ours.
 */
function refusesOurKey({ upstream }: CompiledRoute, { status }: Answer): boolean {
  return upstream?.kind !== 'http' && (status === 401 || status === 403);
}

/** A third party's text about a request that it refuses may quote the key sent with it. */
function maskFor({ upstream }: CompiledRoute, { status, target: { credential } }: Answer): SecretMask | undefined {
  if (status < 400 || upstream?.kind === 'http' || !credential) return undefined;
  return SecretMask.of(credential.value);
}

function keyRefused(exchange: Exchange, { target, status }: Answer): Rejection {
  if (exchange.plan?.sendsClientKey?.(exchange, target)) return CLIENT_KEY_REFUSED;
  const internal = `alarm: ${target.name} answered ${status} to the gateway's own credential; check api_key of the target`;
  return new Rejection('UPSTREAM_ERROR', 'The upstream did not accept the credential of the gateway.', { internal });
}

function countStream(exchange: Exchange, { metrics }: CompiledRoute): void {
  metrics.streams(1);
  exchange.onSettled(() => metrics.streams(-1));
}
