import type { Exchange } from '../../exchange/exchange.ts';

const NAME = 'x-should-retry';

/** Tells OpenAI's and Anthropic's clients not to repeat the request when its answer is an error. */
export function forbidRetry(exchange: Exchange): void {
  exchange.onHead((headers, status) => {
    if (status < 400) return;
    for (let i = headers.length - 2; i >= 0; i -= 2) if (headers[i]?.toLowerCase() === NAME) headers.splice(i, 2);
    headers.push('X-Should-Retry', 'false');
  });
}
