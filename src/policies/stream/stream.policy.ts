import { defineAccessPolicy } from '../policy.ts';
import { type StreamConfig, StreamSchema } from './schema.ts';

/** Tells the exchange how its answer is to be relayed; `upstream/delivery.ts` does it. */
export const streamPolicy = defineAccessPolicy({
  name: 'stream',
  phase: 'access',
  schema: StreamSchema,
  errors: [],
  create: ({ keep_alive, on_client_abort }: StreamConfig, _deps, { kind }) => {
    const onAbort = kind === 'http' ? 'stop' : on_client_abort;
    if (keep_alive === 0 && onAbort === 'stop') return [];
    return [
      {
        name: 'stream',
        decide: (exchange) => {
          exchange.keepAliveMs = keep_alive;
          exchange.onAbort = onAbort;
          return undefined;
        },
      },
    ];
  },
});
