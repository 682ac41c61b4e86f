import type { Exchange } from '../exchange/exchange.ts';
import type { ModelCall } from '../exchange/model-call.ts';

type Json = Readonly<Record<string, unknown>>;

/** The success of a model call in the envelope dialect; `undefined` for an answer that is none it could be told of. */
export function envelopeOf(exchange: Exchange, call: ModelCall, answer: unknown): string | undefined {
  const response = textOf(answer);
  if (response === undefined) return undefined;
  const { usage } = call;
  return JSON.stringify({
    request_id: exchange.id,
    status: 'success',
    model: call.model.name,
    response,
    metadata: {
      tokens_used: usage === undefined ? 0 : usage.inputTokens + usage.outputTokens,
      latency_ms: Math.round(performance.now() - exchange.startedAt),
      timestamp: new Date().toISOString(),
    },
  });
}

/** What the model said: its text, or the whole message where it has none (tool calls). Knows the four text APIs. */
function textOf(answer: unknown): unknown {
  const { choices, output, content } = objectOf(answer);
  if (Array.isArray(choices)) {
    const { message, text } = objectOf(choices[0]);
    return text ?? objectOf(message)['content'] ?? message;
  }
  if (Array.isArray(output)) return joinTexts(output.flatMap((item) => objectOf(item)['content'] ?? [])) ?? output;
  return Array.isArray(content) ? (joinTexts(content) ?? content) : undefined;
}

function joinTexts(parts: readonly unknown[]): string | undefined {
  const texts = parts.map((part) => objectOf(part)['text']).filter((text) => typeof text === 'string');
  return texts.length === 0 ? undefined : texts.join('');
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}
