import type { Exchange } from '../../exchange/exchange.ts';
import { firstToReturn } from '../../upstream/resting.ts';
import type { ServiceTargets, Target } from '../../upstream/targets.ts';

/** What names a time to wait: that of the standard, and that of the providers' own clients, which goes before it. */
const WAITS: ReadonlySet<string> = new Set(['retry-after', 'retry-after-ms']);

/** Where all targets rest and another one than the last returns first, the client is told to wait for that one. */
export function tellSoonestReturn(service: ServiceTargets, exchange: Exchange, last: Target): void {
  const { model: call } = exchange;
  if (!call) return;
  const now = performance.now();
  const first = firstToReturn(service, call, now);
  if (!first || first.target === last) return;
  const seconds = Math.max(1, Math.ceil((first.at - now) / 1000));
  exchange.onHead((headers) => {
    for (let i = headers.length - 2; i >= 0; i -= 2)
      if (WAITS.has((headers[i] as string).toLowerCase())) headers.splice(i, 2);
    headers.push('Retry-After', String(seconds));
  });
}
